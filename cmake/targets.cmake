# Flags of all our targets. Headers of other projects are SYSTEM, which excludes them from warnings.
add_library(forgedit_flags INTERFACE)
target_compile_options(forgedit_flags INTERFACE -Wall -Wextra -Wshadow -Wno-unknown-pragmas)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # CMAKE_UNITY_BUILD includes source files, so GCC warns of classes with members from anonymous namespaces.
  target_compile_options(forgedit_flags INTERFACE -Wno-subobject-linkage)
  # GCC 12 and 13 give false warnings about std::string concatenation (GCC bugs 105651, 105329).
  target_compile_options(forgedit_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(forgedit_flags INTERFACE -Wno-dangling-reference)  # false for views of arguments
  endif()
endif()
if(FORGEDIT_WERROR)
  target_compile_options(forgedit_flags INTERFACE -Werror)
endif()
if(CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(forgedit_flags INTERFACE -fpch-preprocess)
endif()
if(FORGEDIT_SANITIZE)
  target_compile_options(forgedit_flags INTERFACE -fsanitize=${FORGEDIT_SANITIZE} -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # In instrumented code, GCC gives false warnings about uninitialised optionals in LibTorch's headers.
    target_compile_options(forgedit_flags INTERFACE -Wno-maybe-uninitialized)
  else()
    target_compile_options(forgedit_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(forgedit_flags INTERFACE -fsanitize=${FORGEDIT_SANITIZE})
endif()

# LibTorch as a SYSTEM dependency, without warnings from its headers.
set(FORGEDIT_TORCH_INCLUDES ${TORCH_INCLUDE_DIRS})
if(FORGEDIT_FMT_STAND_IN)
  forgedit_add_fmt_stand_in(FORGEDIT_TORCH_INCLUDES)
endif()
forgedit_put_fmt_of_spdlog_first(FORGEDIT_TORCH_INCLUDES)
add_library(forgedit_torch INTERFACE)
target_include_directories(forgedit_torch SYSTEM INTERFACE ${FORGEDIT_TORCH_INCLUDES})
target_link_libraries(forgedit_torch INTERFACE ${TORCH_LIBRARIES})
separate_arguments(FORGEDIT_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(forgedit_torch INTERFACE ${FORGEDIT_TORCH_FLAGS})

# Tests are compiled without optimisation, which halves the time: no test measures speed.
set(FORGEDIT_TEST_FLAGS "")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(FORGEDIT_TEST_FLAGS -O0)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # In C++20, Clang 14 instantiates a vector in LibTorch 1.13 before its element type is complete.
  set(FORGEDIT_TORCH_STANDARD 17)
else()
  set(FORGEDIT_TORCH_STANDARD ${CMAKE_CXX_STANDARD})
endif()

# One precompiled "forgedit/core/torch.h" for all targets with TORCH, and another for tests if they have other flags.
function(forgedit_torch_header name)
  file(WRITE ${CMAKE_BINARY_DIR}/${name}.cpp "")
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PUBLIC forgedit_torch forgedit_flags)
  target_compile_options(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE ${PROJECT_SOURCE_DIR}/forgedit/core/torch.h)
  set_target_properties(${name} PROPERTIES CXX_STANDARD ${FORGEDIT_TORCH_STANDARD})
endfunction()
forgedit_torch_header(forgedit_torch_pch)
set(FORGEDIT_TEST_PCH forgedit_torch_pch)
if(FORGEDIT_TESTS AND FORGEDIT_TEST_FLAGS)
  set(FORGEDIT_TEST_PCH forgedit_torch_pch_tests)
  forgedit_torch_header(${FORGEDIT_TEST_PCH} ${FORGEDIT_TEST_FLAGS})
endif()

# forgedit_target_setup(<target> <use_torch> [<torch_header>])
function(forgedit_target_setup target use_torch)
  set(torch_header forgedit_torch_pch ${ARGN})
  list(GET torch_header -1 torch_header)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    # The flags of the libraries, because their precompiled header does not match -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE forgedit_flags)
  if(use_torch)
    target_link_libraries(${target} PUBLIC forgedit_torch)
    target_precompile_headers(${target} REUSE_FROM ${torch_header})
    set_target_properties(${target} PROPERTIES CXX_STANDARD ${FORGEDIT_TORCH_STANDARD})
  endif()
endfunction()

# forgedit_module(<name> [TORCH] SOURCES ... [DEPENDS ...] [PRIVATE_DEPENDS ...]): adds the static library
# forgedit_<name>.
function(forgedit_module name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(forgedit_${name} STATIC ${ARG_SOURCES})
  forgedit_target_setup(forgedit_${name} "${ARG_TORCH}")
  target_link_libraries(forgedit_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()

# forgedit_program(<name> [TORCH] SOURCES ... DEPENDS ...): adds a program in bin/.
function(forgedit_program name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  forgedit_target_setup(${name} "${ARG_TORCH}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

# forgedit_test(<name> [TORCH] [ENGINE] SOURCES ... DEPENDS ...): adds a GoogleTest program with one CTest entry per test
# case, named <name>.<Suite>.<Case>. With FORGEDIT_TESTS_WHOLE it has one entry, named <name>. ENGINE marks tests that
# spend their time in LibTorch, fine-tuning and generating: under sanitizers they take most of it.
function(forgedit_test name)
  cmake_parse_arguments(ARG "TORCH;ENGINE" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  forgedit_target_setup(test_${name} "${ARG_TORCH}" ${FORGEDIT_TEST_PCH})
  target_compile_options(test_${name} PRIVATE ${FORGEDIT_TEST_FLAGS})
  target_link_libraries(test_${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE
    FORGEDIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FORGEDIT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set_property(GLOBAL APPEND PROPERTY FORGEDIT_UNIT_TESTS test_${name})
  set(label fast)  # only one label per test: gtest_discover_tests splits lists
  if(ARG_ENGINE)
    set(label engine)
  else()
    set_property(GLOBAL APPEND PROPERTY FORGEDIT_UNIT_TESTS_WITHOUT_ENGINE test_${name})
  endif()
  if(NOT ARG_TORCH)
    set_property(GLOBAL APPEND PROPERTY FORGEDIT_UNIT_TESTS_WITHOUT_TORCH test_${name})
    set(label fast_without_torch)
  endif()
  # Without "passive", LibTorch's threads spin while they wait, which takes five times as long on a busy machine.
  if(FORGEDIT_TESTS_WHOLE)
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES LABELS ${label} ENVIRONMENT OMP_WAIT_POLICY=passive)
  else()
    gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
      PROPERTIES LABELS ${label} ENVIRONMENT OMP_WAIT_POLICY=passive)
  endif()
endfunction()
