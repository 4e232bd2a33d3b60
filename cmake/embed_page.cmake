# forgedit_embed_page(<page.html> <constant> <source.cpp>): creates <source.cpp>, which defines forgedit::<constant>, a
# std::string_view of assets/<page.html>. Inserts the parts that all pages share: page.css for /*STYLE*/, page.js for
# /*SCRIPT*/. Also creates a header that declares the constant.
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
