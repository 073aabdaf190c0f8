# Installs the library for find_package(kiln): the public headers, one archive per folder, and kiln::kiln.
include(CMakePackageConfigHelpers)

add_library(kiln INTERFACE)
add_library(kiln::kiln ALIAS kiln)
target_link_libraries(kiln INTERFACE kiln_node)
target_compile_features(kiln INTERFACE cxx_std_20)

get_property(installed GLOBAL PROPERTY KILN_INSTALLED_TARGETS)
install(TARGETS kiln ${installed} EXPORT kilnTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/kiln
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/kiln)
install(EXPORT kilnTargets NAMESPACE kiln:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kiln)
install(DIRECTORY include/kiln DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/kilnConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kilnConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kiln)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/kilnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kilnConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/kilnConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kiln)
