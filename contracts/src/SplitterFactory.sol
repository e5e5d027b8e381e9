// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LibClone} from "solady/utils/LibClone.sol";

import {Splitter} from "./Splitter.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {ISplitterFactory} from "./interfaces/ISplitterFactory.sol";

/// @title SplitterFactory
/// @notice See ISplitterFactory. Prediction and deployment share the same arguments and salt.
contract SplitterFactory is ISplitterFactory {
    bytes32 private constant SALT = 0;

    /// @inheritdoc ISplitterFactory
    address public immutable modelRegistry;

    /// @notice The code behind every splitter.
    address public immutable implementation;

    constructor(IModelRegistry registry) {
        modelRegistry = address(registry);
        implementation = address(new Splitter(registry));
    }

    /// @inheritdoc ISplitterFactory
    function deploy(uint256 modelId, address operator) external returns (address splitter) {
        if (!IModelRegistry(modelRegistry).exists(modelId)) {
            revert IModelRegistry.UnknownModel(modelId);
        }
        bool there;
        (there, splitter) =
            LibClone.createDeterministicClone(implementation, _arguments(modelId, operator), SALT);
        if (!there) emit SplitterDeployed(modelId, operator, splitter);
    }

    /// @inheritdoc ISplitterFactory
    function splitterOf(uint256 modelId, address operator) external view returns (address) {
        return LibClone.predictDeterministicAddress(
            implementation, _arguments(modelId, operator), SALT, address(this)
        );
    }

    /// @dev The pair is in the clone's code, so the address commits to it; no salt is needed.
    function _arguments(uint256 modelId, address operator) private pure returns (bytes memory) {
        return abi.encodePacked(modelId, operator);
    }
}
