// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";

/// @title The append-only list of models
/// @notice Rules and meanings are in IModelRegistry.
contract ModelRegistry is IModelRegistry {
    uint256 private constant MAX_PARENTS = 4;
    uint256 private constant MAX_URI_LENGTH = 512;
    uint256 private constant MAX_LICENCE_LENGTH = 64;
    /// @dev At least a tenth of every fee stays with the holders.
    uint256 private constant MAX_SHARED_BPS = 9_000;

    mapping(uint256 modelId => Model) private _models;
    uint256[] private _ids;

    /// @inheritdoc IModelRegistry
    function register(Registration calldata registration) external returns (uint256 modelId) {
        modelId = modelIdOf(msg.sender, registration.modelRoot, registration.salt);
        if (exists(modelId)) revert AlreadyRegistered(modelId);
        _check(registration);

        Model storage model = _models[modelId];
        model.author = msg.sender;
        model.registeredAt = uint64(block.timestamp);
        _store(model.registration, registration);
        _ids.push(modelId);
        emit ModelRegistered(modelId, msg.sender, registration.modelRoot, registration);
    }

    /// @inheritdoc IModelRegistry
    function bindToken(uint256 modelId, address token) external {
        Model storage model = _existing(modelId);
        address binder = model.registration.binder;
        if (binder == address(0)) binder = model.author;
        if (msg.sender != binder) revert NotBinder(modelId, msg.sender, binder);
        if (model.token != address(0)) revert AlreadyBound(modelId, model.token);
        if (token.code.length == 0) revert NotAContract(token);
        model.token = token;
        emit TokenBound(modelId, token);
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(address author, bytes32 modelRoot, bytes32 salt)
        public
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(author, modelRoot, salt)));
    }

    /// @inheritdoc IModelRegistry
    function exists(uint256 modelId) public view returns (bool) {
        return _models[modelId].author != address(0);
    }

    /// @inheritdoc IModelRegistry
    function modelOf(uint256 modelId) external view returns (Model memory) {
        return _existing(modelId);
    }

    /// @inheritdoc IModelRegistry
    function authorOf(uint256 modelId) external view returns (address) {
        return _existing(modelId).author;
    }

    /// @inheritdoc IModelRegistry
    function tokenOf(uint256 modelId) external view returns (address) {
        return _existing(modelId).token;
    }

    /// @inheritdoc IModelRegistry
    function rootOf(uint256 modelId) external view returns (bytes32) {
        return _existing(modelId).registration.modelRoot;
    }

    /// @inheritdoc IModelRegistry
    function sharesOf(uint256 modelId)
        external
        view
        returns (uint16 operatorBps, Parent[] memory parents)
    {
        Registration storage registration = _existing(modelId).registration;
        return (registration.operatorBps, registration.parents);
    }

    /// @inheritdoc IModelRegistry
    function limitsOf(uint256 modelId)
        external
        view
        returns (uint32 contextLength, uint32 vocabularySize, uint32 endToken)
    {
        Registration storage registration = _existing(modelId).registration;
        return (registration.contextLength, registration.vocabularySize, registration.endToken);
    }

    /// @inheritdoc IModelRegistry
    function modelCount() external view returns (uint256) {
        return _ids.length;
    }

    /// @inheritdoc IModelRegistry
    function modelIdAt(uint256 index) external view returns (uint256) {
        return _ids[index];
    }

    function _check(Registration calldata registration) private view {
        if (registration.modelRoot == 0) revert ZeroRoot();
        uint256 length = bytes(registration.cardUri).length;
        if (length > MAX_URI_LENGTH) revert BadLength("cardUri", length, MAX_URI_LENGTH);
        length = bytes(registration.licence).length;
        if (length == 0 || length > MAX_LICENCE_LENGTH) {
            revert BadLength("licence", length, MAX_LICENCE_LENGTH);
        }
        _checkShares(registration);
        uint32 end = registration.endToken;
        if (
            registration.contextLength == 0 || registration.vocabularySize == 0
                || (end >= registration.vocabularySize && end != type(uint32).max)
        ) {
            revert BadLimits(registration.contextLength, registration.vocabularySize, end);
        }
    }

    /// @dev A parent must exist already, so lineage has no cycles.
    function _checkShares(Registration calldata registration) private view {
        Parent[] calldata parents = registration.parents;
        if (parents.length > MAX_PARENTS) revert TooManyParents(parents.length, MAX_PARENTS);
        uint256 shared = registration.operatorBps;
        for (uint256 i = 0; i < parents.length; ++i) {
            uint256 parentId = parents[i].modelId;
            _existing(parentId);
            for (uint256 j = 0; j < i; ++j) {
                if (parents[j].modelId == parentId) revert DuplicateParent(parentId);
            }
            shared += parents[i].bps;
        }
        if (shared > MAX_SHARED_BPS) revert SharesTooHigh(shared, MAX_SHARED_BPS);
    }

    /// @dev Field by field: the compiler does not copy an array of structs from calldata to storage.
    function _store(Registration storage to, Registration calldata from) private {
        to.modelRoot = from.modelRoot;
        to.zkCommitment = from.zkCommitment;
        to.sourceHash = from.sourceHash;
        to.cardHash = from.cardHash;
        to.cardUri = from.cardUri;
        to.licence = from.licence;
        to.operatorBps = from.operatorBps;
        to.binder = from.binder;
        to.salt = from.salt;
        to.contextLength = from.contextLength;
        to.vocabularySize = from.vocabularySize;
        to.endToken = from.endToken;
        for (uint256 i = 0; i < from.parents.length; ++i) {
            to.parents.push(from.parents[i]);
        }
    }

    function _existing(uint256 modelId) private view returns (Model storage model) {
        model = _models[modelId];
        if (model.author == address(0)) revert UnknownModel(modelId);
    }
}
