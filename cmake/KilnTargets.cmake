# kiln_library(FOLDER DEPENDS kiln::...  PUBLIC_LINKS ... PRIVATE_LINKS ...)
#   The folder's sources as the target kiln::FOLDER. Headers are included as "FOLDER/name.h".
# kiln_test(NAME DEPENDS ... [LABELS ...])
#   Every *_test.cc of the calling folder as one test program; ctest knows each test by its own name.
include(GNUInstallDirs)

function(kiln_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wno-missing-field-initializers)
  if(KILN_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -Wthread-safety)
  else()
    target_compile_options(${target} PRIVATE -Wno-restrict)  # wrong about std::string in GCC 12 (PR 105651)
  endif()
  if(NOT KILN_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${target} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  endif()
endfunction()

function(kiln_library folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PUBLIC_LINKS;PRIVATE_LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(kiln_${folder} STATIC ${sources})
  add_library(kiln::${folder} ALIAS kiln_${folder})
  set_target_properties(kiln_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_include_directories(kiln_${folder} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(kiln_${folder} PUBLIC ${ARG_DEPENDS} ${ARG_PUBLIC_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
  kiln_compile_options(kiln_${folder})
  set_property(GLOBAL APPEND PROPERTY KILN_INSTALLED_TARGETS kiln_${folder})
endfunction()

function(kiln_test name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE KILN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" KILN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  kiln_compile_options(${name})
  # Tests are compiled for quick builds: what all of them include once, and lightly optimised.
  target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h> <absl/status/statusor.h>
    <absl/strings/str_cat.h> <map> <memory> <optional> <string> <vector>)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
      -Wno-maybe-uninitialized>)  # likewise wrong
  if(KILN_SANITIZE STREQUAL "thread")
    set(tsan_sources ${PROJECT_SOURCE_DIR}/tests/tsan/absl_mutex.cc ${PROJECT_SOURCE_DIR}/tests/tsan/options.cc)
    target_sources(${name} PRIVATE ${tsan_sources})
    set_source_files_properties(${tsan_sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    target_link_libraries(${name} PRIVATE ${CMAKE_DL_LIBS})
  elseif(KILN_SANITIZE MATCHES "address")
    set(asan_sources ${PROJECT_SOURCE_DIR}/tests/asan/options.cc)
    target_sources(${name} PRIVATE ${asan_sources})
    set_source_files_properties(${asan_sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120)
endfunction()
