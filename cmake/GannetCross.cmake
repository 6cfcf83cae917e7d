# Libraries when building for another machine. Only the folders up to src/ops are built then (src/CMakeLists.txt):
# they need fmt, whose headers do not depend on the machine, and GoogleTest, whose sources Debian ships.
# Provides fmt::fmt and, with GANNET_TESTS, GTest::gtest, GTest::gmock, GTest::gtest_main.

find_path(GANNET_FMT_INCLUDE fmt/core.h NO_CMAKE_FIND_ROOT_PATH REQUIRED)
# The headers are linked into a folder of their own: /usr/include itself holds the C library of the wrong machine.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cross_include)
file(CREATE_LINK ${GANNET_FMT_INCLUDE}/fmt ${CMAKE_BINARY_DIR}/cross_include/fmt SYMBOLIC)
add_library(fmt::fmt INTERFACE IMPORTED GLOBAL)
target_include_directories(fmt::fmt INTERFACE ${CMAKE_BINARY_DIR}/cross_include)
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)

if(GANNET_TESTS)
  set(GANNET_GOOGLETEST_SOURCE /usr/src/googletest CACHE PATH "Sources of GoogleTest (Debian package googletest)")
  if(NOT EXISTS ${GANNET_GOOGLETEST_SOURCE}/CMakeLists.txt)
    message(FATAL_ERROR "No GoogleTest sources in ${GANNET_GOOGLETEST_SOURCE}: install the Debian package googletest")
  endif()
  add_subdirectory(${GANNET_GOOGLETEST_SOURCE} ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
endif()
