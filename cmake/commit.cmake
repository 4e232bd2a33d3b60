# cmake -DSOURCE=FILE.cpp -DFOLDER=DIR -P commit.cmake: makes FILE.cpp of commit.cpp.in with the commit that DIR is at,
# or with none where DIR is no git checkout. The file stays as it is where nothing changed.
find_package(Git QUIET)
set(FORGEDIT_COMMIT "")
if(GIT_FOUND AND EXISTS ${FOLDER}/.git)
  # Named outright: a folder that a checkout of something else holds is none of it, and the owner does not matter.
  execute_process(COMMAND ${GIT_EXECUTABLE} --git-dir=${FOLDER}/.git --work-tree=${FOLDER}
    describe --always --dirty --exclude=* OUTPUT_VARIABLE FORGEDIT_COMMIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
configure_file(${FOLDER}/apps/cli/commit.cpp.in ${SOURCE} @ONLY)
