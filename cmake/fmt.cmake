# LibTorch's include folder may contain a fmt that spdlog was not built with (2.11 has 12, Debian's spdlog needs 9). All
# code must include spdlog's, whatever the order of folders on the command line. So if there are two, a folder with only
# spdlog's fmt comes before all others.

# With FORGEDIT_FMT_STAND_IN, LibTorch seems to contain a fmt whose headers are errors. The build then tests this file.
function(forgedit_add_fmt_stand_in folders)
  set(stand_in ${CMAKE_BINARY_DIR}/fmt_stand_in)
  foreach(header args base chrono color compile core format format-inl os ostream printf ranges std xchar)
    file(WRITE ${stand_in}/fmt/${header}.h "#error \"fmt/${header}.h of LibTorch instead of spdlog's\"\n")
  endforeach()
  set(${folders} ${stand_in} ${${folders}} PARENT_SCOPE)
endfunction()

# Sets <result> to the folder of spdlog's fmt: a separate fmt, or the copy inside spdlog.
function(forgedit_find_fmt_of_spdlog result)
  get_target_property(definitions spdlog::spdlog INTERFACE_COMPILE_DEFINITIONS)
  set(target spdlog::spdlog)
  set(folder spdlog/fmt/bundled)
  if(definitions MATCHES "SPDLOG_FMT_EXTERNAL")
    set(target fmt::fmt)
    set(folder fmt)
  endif()
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  find_path(found NAMES ${folder}/core.h ${folder}/base.h PATHS ${includes} NO_DEFAULT_PATH NO_CACHE REQUIRED)
  set(${result} ${found}/${folder} PARENT_SCOPE)
endfunction()

# Puts spdlog's fmt before LibTorch's folders if one of these contains another fmt.
function(forgedit_put_fmt_of_spdlog_first folders)
  forgedit_find_fmt_of_spdlog(own)
  file(REAL_PATH ${own} own)
  foreach(folder ${${folders}})
    if(NOT EXISTS ${folder}/fmt/format.h)
      continue()
    endif()
    file(REAL_PATH ${folder}/fmt other)
    if(NOT other STREQUAL own)
      message(STATUS "fmt: spdlog's (${own}), not LibTorch's (${other})")
      file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fmt_of_spdlog)
      file(CREATE_LINK ${own} ${CMAKE_BINARY_DIR}/fmt_of_spdlog/fmt SYMBOLIC)
      set(${folders} ${CMAKE_BINARY_DIR}/fmt_of_spdlog ${${folders}} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
