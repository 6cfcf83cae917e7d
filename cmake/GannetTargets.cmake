# Every target of the project is declared through the functions of this file, so flags are said once.

find_package(Threads REQUIRED)
if(CMAKE_CROSSCOMPILING)
  include(GannetCross)
else()
  find_package(fmt REQUIRED)
  if(GANNET_TESTS)
    find_package(GTest REQUIRED)
  endif()
endif()
if(GANNET_TESTS)
  enable_testing()
endif()
if(GANNET_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

# Precompiled headers (docs/build.md). They are for clean builds: a compiler cache cannot look into them, and sees a
# change in all files that use one. Sources never rely on them: a build with a cache, or with
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON, has none.
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache|distcc|icecc")
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()

add_library(gannet_flags INTERFACE)
target_compile_options(gannet_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wno-psabi -Werror
  -fno-math-errno -fno-trapping-math -ffp-contract=off)
# Messages of failed checks name files from the project's root on: nobody needs to know where it was built.
target_compile_options(gannet_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(gannet_flags INTERFACE -Wno-restrict)  # false alarms on std::string + literal (GCC 105651)
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)  # the same, where the header of std::string is precompiled
    target_compile_options(gannet_flags INTERFACE -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()
# The same for libraries and programs: they share precompiled headers.
target_compile_options(gannet_flags INTERFACE -fPIC)
target_link_libraries(gannet_flags INTERFACE fmt::fmt)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Debian's libfmt is built by GCC, which mangles the one template of fmt/core.h that lies in it differently.
  target_compile_definitions(gannet_flags INTERFACE FMT_HEADER_ONLY=1)
endif()
target_include_directories(gannet_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
if(GANNET_SANITIZE)
  target_compile_options(gannet_flags INTERFACE -fsanitize=${GANNET_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined -g)
  target_link_options(gannet_flags INTERFACE -fsanitize=${GANNET_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented, GCC 12 takes members of std::variant that are not the current one for uninitialised.
    target_compile_options(gannet_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(GANNET_FUZZ)
  # Libraries need the coverage counters too, or the fuzzer only sees its own entry function.
  target_compile_options(gannet_flags INTERFACE -fsanitize=fuzzer-no-link)
  add_custom_target(fuzzers)  # what `./dev fuzz` builds
endif()

# gannet_precompiled(NAME header...): headers that targets with the same flags take over by
# target_precompile_headers(TARGET REUSE_FROM NAME).
function(gannet_precompiled name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  file(GENERATE OUTPUT ${source} CONTENT "// Only there because a target needs a source.\n")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE gannet_flags)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

set(GANNET_STANDARD_HEADERS <algorithm> <array> <cmath> <cstring> <functional> <map> <memory> <optional> <span> <string>
    <string_view> <unordered_map> <utility> <variant> <vector> <fmt/core.h>)
gannet_precompiled(standard_headers ${GANNET_STANDARD_HEADERS})

# Folders that turn text into text, and tests: there -O1 does, and takes less time to compile.
if(GANNET_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug" OR GANNET_FUZZ)
  set(GANNET_TEXT_FLAGS "")
else()
  set(GANNET_TEXT_FLAGS -O1)
endif()
find_package(nlohmann_json QUIET)
if(nlohmann_json_FOUND)
  gannet_precompiled(text_headers ${GANNET_STANDARD_HEADERS} <fmt/format.h> <nlohmann/json.hpp>)
  target_compile_options(text_headers PRIVATE ${GANNET_TEXT_FLAGS})
  target_link_libraries(text_headers PRIVATE nlohmann_json::nlohmann_json)
endif()
if(GANNET_TESTS)
  gannet_precompiled(test_headers ${GANNET_STANDARD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  target_compile_options(test_headers PRIVATE ${GANNET_TEXT_FLAGS})
  target_link_libraries(test_headers PRIVATE GTest::gtest GTest::gmock)
endif()

# gannet_library(NAME SOURCES a.cpp... [DEPS libs...]): a static library of one folder.
function(gannet_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC gannet_flags ${A_DEPS})
  target_precompile_headers(${name} REUSE_FROM standard_headers)
endfunction()

# gannet_text_library(NAME SOURCES a.cpp... [DEPS libs...]): the same for a folder where no time is spent that anybody
# would notice, and which mostly works on JSON.
function(gannet_text_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC gannet_flags ${A_DEPS})
  target_compile_options(${name} PRIVATE ${GANNET_TEXT_FLAGS})
  target_precompile_headers(${name} REUSE_FROM text_headers)
  gannet_compile_together(${name})
endfunction()

# gannet_compile_together(NAME): small sources are compiled several at a time where there is no cache, since reading
# headers is most of what they cost.
function(gannet_compile_together name)
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  endif()
endfunction()

# gannet_test_package(NAME [COMPONENTS...]): find_package for a library that only tests use. Required, except when
# cross-compiling: then gannet_test leaves out the tests that need it.
macro(gannet_test_package)
  if(NOT GANNET_TESTS)
  elseif(CMAKE_CROSSCOMPILING)
    find_package(${ARGV} QUIET)
  else()
    find_package(${ARGV} REQUIRED)
  endif()
endmacro()

# gannet_test(NAME SOURCES a_test.cpp... [DEPS libs...] [LABELS l...] [PARTS]): a GoogleTest program, one ctest entry; with
# PARTS none, its caller makes them.
# Labels: unit (default), op, e2e; slow ones run only with `./dev test all`. When cross-compiling, a test that needs
# a library without a build for the target machine is left out, and configuring says so.
function(gannet_test name)
  if(NOT GANNET_TESTS)
    return()
  endif()
  cmake_parse_arguments(A "PARTS" "" "SOURCES;DEPS;LABELS" ${ARGN})
  if(CMAKE_CROSSCOMPILING)
    foreach(dep ${A_DEPS})
      if(dep MATCHES "::" AND NOT TARGET ${dep})
        message(STATUS "${name}: left out, ${dep} is not available for ${CMAKE_SYSTEM_PROCESSOR}")
        return()
      endif()
    endforeach()
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} gannet_flags GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE ${GANNET_TEXT_FLAGS})
  target_precompile_headers(${name} REUSE_FROM test_headers)
  if(A_PARTS)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  set(timeout 900)
  if(CMAKE_CROSSCOMPILING OR GANNET_SANITIZE)
    set(timeout 3600)  # an emulator or a sanitizer makes everything many times slower
  endif()
  # No test touches what its user has measured: profiles are kept where a test itself says so.
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" TIMEOUT ${timeout} ENVIRONMENT "GANNET_PROFILES=")
endfunction()

# gannet_vulkan_test(NAME SOURCES ... DEPS ... [PARTS]): the same for tests on a Vulkan device, run by `./dev test vulkan`.
function(gannet_vulkan_test name)
  gannet_test(${ARGV} PARTS)
  if(NOT PARTS IN_LIST ARGN)
    gannet_vulkan_run(${name} ${name} 256)
  endif()
endfunction()

# gannet_vulkan_run(NAME TEST WIDTH [VARIABLE=VALUE...]): a ctest entry that runs a program of tests on a Vulkan device.
# Mesa's driver for CPUs has vectors of WIDTH bits and subgroups of WIDTH/32 then; other drivers do not care, so that
# entries with another WIDTH than 256 have a label of their own. That driver keeps compiled shaders in a folder and
# does not ask for which width they were compiled: each width has its own.
function(gannet_vulkan_run name test width)
  if(NOT GANNET_TESTS)
    return()
  endif()
  set(label vulkan)
  if(NOT width EQUAL 256)
    set(label vulkan_width)
  endif()
  add_test(NAME ${name} COMMAND ${test} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1800 FAIL_REGULAR_EXPRESSION "Running 0 tests"
    ENVIRONMENT "GANNET_PROFILES=;LP_NATIVE_VECTOR_WIDTH=${width};MESA_SHADER_CACHE_DIR=${CMAKE_BINARY_DIR}/mesa_${width};${ARGN}")
endfunction()

# gannet_benchmark(NAME SOURCES ... DEPS ...): a Google Benchmark program, built with -DGANNET_BENCHMARKS=ON.
function(gannet_benchmark name)
  if(NOT GANNET_BENCHMARKS)
    return()
  endif()
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} gannet_flags benchmark::benchmark)
  # One folder for all of them: `./dev microbench` lists what is there.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/microbench)
endfunction()

# gannet_fuzz_target(NAME SOURCES ... DEPS ...): a libFuzzer program, built with -DGANNET_FUZZ=ON under clang.
function(gannet_fuzz_target name)
  if(NOT GANNET_FUZZ)
    return()
  endif()
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} gannet_flags)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  # One folder for all of them: `./dev fuzz` lists what is there.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
  add_dependencies(fuzzers ${name})
endfunction()
