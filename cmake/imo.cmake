# How every part of imo is built: the flags, and imo_library(), which turns a folder into a target.

option(IMO_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(IMO_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
set(IMO_SHARED_DATA "${CMAKE_SOURCE_DIR}/../shared/data" CACHE PATH
    "Models, vocabularies and texts that tests use where they are present")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(GTest REQUIRED)
# imo_base links fmt publicly, so every folder must know it; imported targets are per folder.
find_package(fmt REQUIRED)

# Everything of ours links this: without it a target would silently get other flags.
add_library(imo_flags INTERFACE)
target_compile_options(imo_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Werror -ffp-contract=off
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond>
  $<$<CONFIG:Debug>:-D_GLIBCXX_ASSERTIONS>
  $<$<CONFIG:Release>:-O2 -g1>)
target_include_directories(imo_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
if(IMO_SANITIZE)
  # With the sanitizers' code in it, g++ sees uninitialised values where there are none (every
  # IMO_TRY); the same lines are checked without it in the other presets.
  target_compile_options(imo_flags INTERFACE
    -fsanitize=${IMO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(imo_flags INTERFACE -fsanitize=${IMO_SANITIZE})
endif()
if(IMO_FUZZ)
  target_compile_options(imo_flags INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(imo_flags INTERFACE -fsanitize=address,undefined)
endif()

# imo_library(<part> SOURCES a.cpp ... [TESTS a_test.cpp ...] [DEPENDS base ...] [LINK fmt::fmt ...])
#
# Makes the static library imo_<part> (alias imo::<part>) and, when there are tests, the program
# imo_<part>_test, registered with CTest case by case. DEPENDS names parts below; LINK names
# libraries from outside, private to the part.
function(imo_library part)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;DEPENDS;LINK;TEST_LINK" ${ARGN})
  list(TRANSFORM ARG_DEPENDS PREPEND imo_)
  add_library(imo_${part} STATIC ${ARG_SOURCES})
  add_library(imo::${part} ALIAS imo_${part})
  target_link_libraries(imo_${part} PUBLIC imo_flags ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
  if(ARG_TESTS AND BUILD_TESTING AND NOT IMO_FUZZ)
    add_executable(imo_${part}_test ${ARG_TESTS})
    target_link_libraries(imo_${part}_test PRIVATE
      imo_${part} ${ARG_LINK} ${ARG_TEST_LINK} GTest::gmock GTest::gtest_main Threads::Threads)
    target_compile_definitions(imo_${part}_test PRIVATE
      IMO_SHARED_DATA="${IMO_SHARED_DATA}" IMO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    include(GoogleTest)
    gtest_discover_tests(imo_${part}_test PROPERTIES LABELS ${part} TIMEOUT 300
      DISCOVERY_TIMEOUT 60)
  endif()
endfunction()

# imo_benchmark(<name> SOURCES a_bench.cpp ... DEPENDS crypto ...)
#
# Makes the program imo_<name>_bench, which only the target imo_benchmarks builds (./dev bench).
add_custom_target(imo_benchmarks)
find_package(benchmark QUIET)
function(imo_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  if(NOT benchmark_FOUND)
    return()
  endif()
  list(TRANSFORM ARG_DEPENDS PREPEND imo_)
  add_executable(imo_${name}_bench EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(imo_${name}_bench PRIVATE ${ARG_DEPENDS} benchmark::benchmark)
  add_dependencies(imo_benchmarks imo_${name}_bench)
endfunction()
