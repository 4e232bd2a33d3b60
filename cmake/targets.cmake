# Flags that every target of ours shares; third-party headers are SYSTEM and stay out of the warnings.
add_library(forgedit_flags INTERFACE)
target_compile_options(forgedit_flags INTERFACE -Wall -Wextra -Wshadow -Wno-unknown-pragmas)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With CMAKE_UNITY_BUILD a class whose members are of its file's own types stands below the main file.
  target_compile_options(forgedit_flags INTERFACE -Wno-subobject-linkage)
  # GCC 12 and 13 report std::string concatenation wrongly (GCC bugs 105651, 105329).
  target_compile_options(forgedit_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(forgedit_flags INTERFACE -Wno-dangling-reference)  # wrong for views of arguments
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
    # Instrumented code makes GCC see uninitialised optionals in LibTorch's headers.
    target_compile_options(forgedit_flags INTERFACE -Wno-maybe-uninitialized)
  else()
    target_compile_options(forgedit_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(forgedit_flags INTERFACE -fsanitize=${FORGEDIT_SANITIZE})
endif()

# LibTorch as a SYSTEM dependency.
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

# One precompiled <torch/torch.h>, shared by all targets that say TORCH.
file(WRITE ${CMAKE_BINARY_DIR}/torch_pch.cpp "")
add_library(forgedit_torch_pch STATIC ${CMAKE_BINARY_DIR}/torch_pch.cpp)
target_link_libraries(forgedit_torch_pch PUBLIC forgedit_torch forgedit_flags)
target_precompile_headers(forgedit_torch_pch PRIVATE <torch/torch.h>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # In C++20 Clang 14 instantiates LibTorch 1.13's vector of a type that is complete only later.
  set(FORGEDIT_TORCH_STANDARD 17)
else()
  set(FORGEDIT_TORCH_STANDARD ${CMAKE_CXX_STANDARD})
endif()
set_target_properties(forgedit_torch_pch PROPERTIES CXX_STANDARD ${FORGEDIT_TORCH_STANDARD})

function(forgedit_target_setup target use_torch)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    # As the libraries are: the precompiled header is theirs, and -fPIE would not fit it.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE forgedit_flags)
  if(use_torch)
    target_link_libraries(${target} PUBLIC forgedit_torch)
    target_precompile_headers(${target} REUSE_FROM forgedit_torch_pch)
    # A file takes some 7 s for <torch/torch.h> alone, precompiled or not: several share them.
    set_target_properties(${target} PROPERTIES CXX_STANDARD ${FORGEDIT_TORCH_STANDARD} UNITY_BUILD_BATCH_SIZE 8)
  else()
    set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  endif()
endfunction()

# forgedit_module(<name> [TORCH] SOURCES ... [DEPENDS ...] [PRIVATE_DEPENDS ...]): static library forgedit_<name>.
function(forgedit_module name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(forgedit_${name} STATIC ${ARG_SOURCES})
  forgedit_target_setup(forgedit_${name} "${ARG_TORCH}")
  target_link_libraries(forgedit_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()

# forgedit_program(<name> [TORCH] SOURCES ... DEPENDS ...): a program in bin/.
function(forgedit_program name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  forgedit_target_setup(${name} "${ARG_TORCH}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

# forgedit_test(<name> [TORCH] SOURCES ... DEPENDS ...): one GoogleTest program, one CTest entry a test case,
# called <name>.<Suite>.<Case>; with FORGEDIT_TESTS_WHOLE one entry for the program, called <name>.
function(forgedit_test name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  forgedit_target_setup(test_${name} "${ARG_TORCH}")
  target_link_libraries(test_${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE
    FORGEDIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FORGEDIT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set_property(GLOBAL APPEND PROPERTY FORGEDIT_UNIT_TESTS test_${name})
  set(label fast)  # one a test: gtest_discover_tests splits lists
  if(NOT ARG_TORCH)
    set_property(GLOBAL APPEND PROPERTY FORGEDIT_UNIT_TESTS_WITHOUT_TORCH test_${name})
    set(label fast_without_torch)
  endif()
  # Passive: LibTorch's threads otherwise spin while they wait, which costs five times the time on a busy machine.
  if(FORGEDIT_TESTS_WHOLE)
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES LABELS ${label} ENVIRONMENT OMP_WAIT_POLICY=passive)
  else()
    gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
      PROPERTIES LABELS ${label} ENVIRONMENT OMP_WAIT_POLICY=passive)
  endif()
endfunction()
