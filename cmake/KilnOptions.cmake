# What a builder may choose. Embedding projects that add Kiln as a subdirectory get the library alone,
# without warnings turned into errors.
set(KILN_IS_TOP_LEVEL OFF)
if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
  set(KILN_IS_TOP_LEVEL ON)
endif()

option(KILN_WERROR "Treat compiler warnings as errors" ${KILN_IS_TOP_LEVEL})
option(KILN_BUILD_TOOLS "Build the kiln command" ${KILN_IS_TOP_LEVEL})
option(KILN_BUILD_TESTS "Build the tests" ${KILN_IS_TOP_LEVEL})
option(KILN_BUILD_EXAMPLES "Build the examples" ${KILN_IS_TOP_LEVEL})
option(KILN_BUILD_BENCHMARKS "Build the microbenchmarks" OFF)
option(KILN_MUTANTS "Build kiln-mutants: for the copy of the sources that tools/mutants.sh makes" OFF)
set(KILN_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, 'address,undefined' or 'thread'")

if(KILN_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(KILN_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()

find_program(KILN_CCACHE ccache)
if(KILN_CCACHE AND KILN_IS_TOP_LEVEL)
  # Precompiled headers can be cached only if their defines and time stamps are trusted.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    ${KILN_CCACHE})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()
find_program(KILN_MOLD mold)
if(KILN_MOLD AND KILN_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  add_link_options(-fuse-ld=mold)
endif()

if(KILN_SANITIZE)
  add_compile_options(-fsanitize=${KILN_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${KILN_SANITIZE})
  if(KILN_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
