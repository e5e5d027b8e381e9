// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Deterministic splitters
/// @notice The address of the Splitter of (model, operator) is known, and can be paid, before it is
/// deployed. Operator zero means that nobody has the operator's share: it goes to the holders.
interface ISplitterFactory {
    event SplitterDeployed(
        uint256 indexed modelId, address indexed operator, address indexed splitter
    );

    /// @notice The address of the splitter, deployed or not.
    function splitterOf(uint256 modelId, address operator) external view returns (address);

    /// @notice Deploys the splitter; returns it also when it is already there. By anybody.
    function deploy(uint256 modelId, address operator) external returns (address splitter);

    function modelRegistry() external view returns (address);
}
