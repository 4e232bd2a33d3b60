# Rules for `cmake --install`, and for `cpack`, which creates a Debian package. The program itself writes the manual
# pages and completions.
include(GNUInstallDirs)

set_target_properties(forgedit PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)  # for a LibTorch outside the system's folders
install(TARGETS forgedit RUNTIME)
if(TARGET forgedit_server)
  install(TARGETS forgedit_server RUNTIME)  # the process that `forgedit serve` executes
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/assets/ DESTINATION ${CMAKE_INSTALL_DATADIR}/forgedit
  PATTERN "*.html" EXCLUDE PATTERN "*.css" EXCLUDE)
install(FILES README.md THIRD_PARTY.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The library for other programs; find_package(forgedit) and pkg-config find it.
install(TARGETS forgedit_shared EXPORT forgedit LIBRARY)
install(FILES forgedit/capi/forgedit.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/forgedit)
install(EXPORT forgedit NAMESPACE forgedit:: FILE forgeditConfig.cmake DESTINATION ${package})
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/forgeditConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/forgeditConfigVersion.cmake DESTINATION ${package})
set(pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH FORGEDIT_PREFIX_FROM_PC /${pkgconfig} /)
configure_file(cmake/forgedit.pc.in ${CMAKE_BINARY_DIR}/forgedit.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/forgedit.pc DESTINATION ${pkgconfig})

set(manual ${CMAKE_BINARY_DIR}/manual)
install(CODE "execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/make_manual.sh $<TARGET_FILE:forgedit> ${manual}
  COMMAND_ERROR_IS_FATAL ANY)")
install(DIRECTORY ${manual}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${manual}/forgedit.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME forgedit)
install(FILES ${manual}/_forgedit DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${manual}/forgedit.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The authors of Forgedit in C++ <forgedit@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "edit a picture from one sentence with Stable Diffusion")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Learns one picture with Stable Diffusion, then generates edits of it (Forgedit, arXiv 2309.10556).
A miniature model ships with it; models for photographs have to be fetched.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
include(CPack)
