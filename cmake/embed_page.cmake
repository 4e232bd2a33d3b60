# forgedit_embed_page(<page.html> <variable> <source.cpp>): makes <source.cpp> of <source.cpp>.in, in which @<variable>@
# stands for the page of that name in assets/, with the style that all pages share in the place of /*STYLE*/.
function(forgedit_embed_page page variable source)
  set(style ${PROJECT_SOURCE_DIR}/assets/page.css)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/assets/${page} ${style})
  file(READ ${PROJECT_SOURCE_DIR}/assets/${page} html)
  file(READ ${style} css)
  string(REPLACE "/*STYLE*/" "${css}" ${variable} "${html}")
  configure_file(${source}.in ${source} @ONLY)
endfunction()
