// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IContentToken} from "./interfaces/IContentToken.sol";
import {IERC7007, IERC7007Enumerable, IERC7007Updatable} from "./interfaces/IERC7007.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {ISplitterFactory} from "./interfaces/ISplitterFactory.sol";
import {ContentMetadata} from "./libraries/ContentMetadata.sol";
import {ContentPrompt} from "./libraries/ContentPrompt.sol";

/// @title ContentToken
/// @notice See IContentToken. No owner; the oracle is the judge of every content.
/// @dev Content may be added before the answer is final. If the answer is then struck down, the token
/// stays with its holder, `verify` says false and the metadata say so, and `update` takes the new
/// answer in when there is one.
contract ContentToken is IContentToken, ERC721, IERC2981, IERC4906 {
    /// @dev Contents of a token. `data` is prompt and text together in one data contract.
    struct Piece {
        uint256 requestId;
        address data;
        uint32 promptLength;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_ROYALTY_BPS = 1_000;
    /// @dev EIP-170's limit of code size, less the data contract's leading stop byte.
    uint256 private constant MAX_DATA = 24_575;

    IOracle private immutable _ORACLE;
    ISplitterFactory private immutable _SPLITTERS;
    /// @inheritdoc IContentToken
    uint96 public immutable royaltyBps;

    mapping(uint256 id => Piece) private _pieces;

    /// @param oracle_ Whose answers these are.
    /// @param royaltyBps_ In 1/10000, at most a tenth.
    constructor(IOracle oracle_, uint96 royaltyBps_) ERC721("imo content", "IMOC") {
        if (royaltyBps_ > MAX_ROYALTY_BPS) revert BadRoyalty(royaltyBps_, MAX_ROYALTY_BPS);
        _ORACLE = oracle_;
        _SPLITTERS = ISplitterFactory(oracle_.splitterFactory());
        royaltyBps = royaltyBps_;
    }

    // ---------------------------------------------------------------- minting and content

    /// @inheritdoc IContentToken
    function mint(address to, bytes calldata promptBytes, bytes calldata aigcData)
        external
        returns (uint256 id)
    {
        (uint256 requestId, uint256 modelId) = _checkedPrompt(promptBytes);
        id = _reserve(to, promptBytes, requestId);
        _checkContent(requestId, aigcData);
        emit AigcData(id, promptBytes, aigcData, abi.encode(requestId));
        _store(id, requestId, modelId, promptBytes, aigcData);
    }

    /// @inheritdoc IContentToken
    function reserve(address to, bytes calldata promptBytes) external returns (uint256 id) {
        (uint256 requestId,) = _checkedPrompt(promptBytes);
        return _reserve(to, promptBytes, requestId);
    }

    /// @inheritdoc IERC7007
    function addAigcData(
        uint256 id,
        bytes calldata promptBytes,
        bytes calldata aigcData,
        bytes calldata proof
    ) external {
        if (id != tokenId(promptBytes)) {
            revert WrongToken(id, tokenId(promptBytes));
        }
        if (_ownerOf(id) == address(0)) revert NotMinted(id);
        if (_pieces[id].data != address(0)) revert ContentExists(id);
        (uint256 requestId, uint256 modelId) = _checkedPrompt(promptBytes);
        if (!_isProof(proof, requestId)) revert MalformedProof(requestId);
        _checkContent(requestId, aigcData);
        emit AigcData(id, promptBytes, aigcData, proof);
        _store(id, requestId, modelId, promptBytes, aigcData);
    }

    /// @inheritdoc IERC7007Updatable
    function update(bytes calldata promptBytes, bytes calldata aigcData) external {
        uint256 id = tokenId(promptBytes);
        Piece storage piece = _pieces[id];
        if (_ownerOf(id) == address(0)) revert NotMinted(id);
        if (piece.data == address(0)) revert ContentMissing(id);
        if (keccak256(contentOf(id)) == keccak256(aigcData)) revert ContentUnchanged(id);
        (uint256 requestId, uint256 modelId) = _checkedPrompt(promptBytes);
        _checkContent(requestId, aigcData);
        emit Update(id, promptBytes, aigcData);
        _store(id, requestId, modelId, promptBytes, aigcData);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IERC7007
    /// @dev Total: any bytes give true or false. A statement about the answer, minted or not.
    function verify(bytes calldata promptBytes, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool success)
    {
        (bool valid,,,, uint256 requestId) = ContentPrompt.tryDecode(promptBytes);
        if (!valid || !_isProof(proof, requestId)) return false;
        if (!_ORACLE.isFinalized(requestId)) return false;
        if (!_matches(promptBytes)) return false;
        (,,, bytes32 textHash) = _ORACLE.answerOf(requestId);
        return keccak256(aigcData) == textHash;
    }

    /// @inheritdoc IContentToken
    function encodePrompt(uint256 requestId, bytes calldata promptTokens)
        external
        view
        returns (bytes memory encoded)
    {
        IOracle.Request memory request = _ORACLE.requestOf(requestId);
        if (keccak256(promptTokens) != request.promptTokensHash) revert PromptMismatch(requestId);
        return ContentPrompt.encode(request.modelId, promptTokens, request.maxTokens, requestId);
    }

    /// @inheritdoc IERC7007Enumerable
    function tokenId(bytes calldata promptBytes) public pure returns (uint256) {
        return uint256(keccak256(promptBytes));
    }

    /// @inheritdoc IERC7007Enumerable
    function prompt(uint256 id) external view returns (string memory) {
        return string(promptOf(id));
    }

    /// @inheritdoc IContentToken
    function promptOf(uint256 id) public view returns (bytes memory) {
        _requireOwned(id);
        Piece storage piece = _pieces[id];
        if (piece.data == address(0)) return "";
        return SSTORE2.read(piece.data, 0, piece.promptLength);
    }

    /// @inheritdoc IContentToken
    function contentOf(uint256 id) public view returns (bytes memory) {
        _requireOwned(id);
        Piece storage piece = _pieces[id];
        if (piece.data == address(0)) return "";
        return SSTORE2.read(piece.data, piece.promptLength);
    }

    /// @inheritdoc IContentToken
    function requestOf(uint256 id) external view returns (uint256 requestId) {
        _requireOwned(id);
        return _pieces[id].requestId;
    }

    /// @inheritdoc IERC2981
    /// @dev To the splitter of the model and the operator that answered. While an answer is struck
    /// down there is no operator, and its share of a royalty stays with the holders.
    function royaltyInfo(uint256 id, uint256 salePrice)
        external
        view
        returns (address receiver, uint256 royaltyAmount)
    {
        _requireOwned(id);
        uint256 requestId = _pieces[id].requestId;
        (, address operator,,) = _ORACLE.answerOf(requestId);
        receiver = _SPLITTERS.splitterOf(_ORACLE.requestOf(requestId).modelId, operator);
        royaltyAmount = Math.mulDiv(salePrice, royaltyBps, BPS);
    }

    /// @notice ERC-7007 metadata as a base64 data URI.
    function tokenURI(uint256 id) public view override returns (string memory) {
        uint256 requestId = _pieces[id].requestId;
        bytes memory promptBytes = promptOf(id);
        bytes memory content = contentOf(id);
        (, address operator,,) = _ORACLE.answerOf(requestId);
        return ContentMetadata.uri(
            ContentMetadata.Piece({
                modelId: _ORACLE.requestOf(requestId).modelId,
                requestId: requestId,
                operator: operator,
                status: _statusOf(requestId, promptBytes, content),
                prompt: promptBytes,
                content: content
            })
        );
    }

    /// @inheritdoc IContentToken
    function oracle() external view returns (address) {
        return address(_ORACLE);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721, IERC165)
        returns (bool)
    {
        return interfaceId == type(IERC7007).interfaceId
            || interfaceId == type(IERC7007Enumerable).interfaceId
            || interfaceId == type(IERC7007Updatable).interfaceId
            || interfaceId == type(IERC2981).interfaceId || interfaceId == bytes4(0x49064906) // ERC-4906 has events only
            || super.supportsInterface(interfaceId);
    }

    // ---------------------------------------------------------------- inside

    function _reserve(address to, bytes calldata promptBytes, uint256 requestId)
        private
        returns (uint256 id)
    {
        address beneficiary = _ORACLE.requestOf(requestId).beneficiary;
        if (msg.sender != beneficiary) revert NotBeneficiary(requestId, beneficiary, msg.sender);
        id = tokenId(promptBytes);
        _pieces[id].requestId = requestId;
        // Not the safe form: the receiver's hook would run before the content is there.
        _mint(to, id);
    }

    function _store(
        uint256 id,
        uint256 requestId,
        uint256 modelId,
        bytes calldata promptBytes,
        bytes calldata aigcData
    ) private {
        uint256 length = promptBytes.length + aigcData.length;
        if (length > MAX_DATA) revert ContentTooLong(length, MAX_DATA);
        Piece storage piece = _pieces[id];
        piece.data = SSTORE2.write(bytes.concat(promptBytes, aigcData));
        // forge-lint: disable-next-line(unsafe-typecast) at most MAX_DATA
        piece.promptLength = uint32(promptBytes.length);
        emit Content(id, requestId, modelId, promptBytes, aigcData);
        emit MetadataUpdate(id);
    }

    /// @dev Reverts unless `promptBytes` are the canonical prompt of an answered request.
    function _checkedPrompt(bytes calldata promptBytes)
        private
        view
        returns (uint256 requestId, uint256 modelId)
    {
        bool valid;
        (valid, modelId,,, requestId) = ContentPrompt.tryDecode(promptBytes);
        if (!valid) revert MalformedPrompt();
        (,, bytes32 claimHash,) = _ORACLE.answerOf(requestId);
        if (claimHash == 0) revert NotAnswered(requestId);
        if (!_matches(promptBytes)) revert PromptMismatch(requestId);
    }

    /// @dev Whether a valid prompt is what the oracle was asked under its request number.
    function _matches(bytes calldata promptBytes) private view returns (bool) {
        (, uint256 modelId, bytes calldata tokens, uint32 maxTokens, uint256 requestId) =
            ContentPrompt.tryDecode(promptBytes);
        IOracle.Request memory request = _ORACLE.requestOf(requestId);
        return request.modelId == modelId && request.maxTokens == maxTokens
            && request.promptTokensHash == keccak256(tokens);
    }

    function _checkContent(uint256 requestId, bytes calldata aigcData) private view {
        (,,, bytes32 textHash) = _ORACLE.answerOf(requestId);
        bytes32 given = keccak256(aigcData);
        if (given != textHash) revert WrongContent(requestId, textHash, given);
    }

    function _isProof(bytes calldata proof, uint256 requestId) private pure returns (bool) {
        return proof.length == 0 || keccak256(proof) == keccak256(abi.encode(requestId));
    }

    /// @dev How far this very content can be trusted now.
    /// @param prompt_ Empty while there is no content.
    function _statusOf(uint256 requestId, bytes memory prompt_, bytes memory content)
        private
        view
        returns (string memory)
    {
        if (prompt_.length == 0) return "reserved";
        IOracle.Request memory request = _ORACLE.requestOf(requestId);
        // To a text question, other tokens may since be the right prompt of the same answer.
        bool live = request.textHash == keccak256(content)
            && request.promptTokensHash == ContentPrompt.tokensHash(prompt_);
        if (!live) return "struck down";
        return request.status == IOracle.Status.Final ? "final" : "bonded";
    }
}
