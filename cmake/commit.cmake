# cmake -DSOURCE=FILE.cpp -DFOLDER=DIR -P commit.cmake: creates FILE.cpp from commit.cpp.in, with the commit of the git
# checkout DIR, or with none if DIR is no git checkout. Does not write the file if nothing has changed.
find_package(Git QUIET)
set(FORGEDIT_COMMIT "")
if(GIT_FOUND AND EXISTS ${FOLDER}/.git)
  # Explicit folders: git must not use a checkout of another project that contains DIR, nor check DIR's owner.
  execute_process(COMMAND ${GIT_EXECUTABLE} --git-dir=${FOLDER}/.git --work-tree=${FOLDER}
    describe --always --dirty --exclude=* OUTPUT_VARIABLE FORGEDIT_COMMIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
configure_file(${FOLDER}/apps/cli/commit.cpp.in ${SOURCE} @ONLY)
