# forgedit_embed_page(<page.html> <constant> <source.cpp>): makes <source.cpp>, which defines forgedit::<constant>, a
# std::string_view of the page of that name in assets/. What all pages share is put in: page.css in the place of
# /*STYLE*/, page.js in that of /*SCRIPT*/. A header beside it declares the constant.
function(forgedit_embed_page page FORGEDIT_PAGE_NAME source)
  set(assets ${PROJECT_SOURCE_DIR}/assets)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${assets}/${page} ${assets}/page.css ${assets}/page.js)
  file(READ ${assets}/${page} html)
  file(READ ${assets}/page.css css)
  file(READ ${assets}/page.js js)
  string(REPLACE "/*STYLE*/" "${css}" html "${html}")
  string(REPLACE "/*SCRIPT*/" "${js}" FORGEDIT_PAGE "${html}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/page.cpp.in ${source} @ONLY)
endfunction()
