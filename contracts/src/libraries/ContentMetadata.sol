// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "solady/utils/Base64.sol";
import {LibString} from "solady/utils/LibString.sol";

import {ContentCard} from "./ContentCard.sol";
import {Utf8} from "./Utf8.sol";

/// @title ERC-7007's metadata schema for an answer in text, as a data URI
/// @notice Nothing that a model or an asker chose reaches the JSON unescaped.
library ContentMetadata {
    /// @param status One of our own words; needs no escaping.
    /// @param operator Zero when there is no live answer.
    struct Piece {
        uint256 modelId;
        uint256 requestId;
        address operator;
        string status;
        bytes prompt;
        bytes content;
    }

    function uri(Piece memory piece) internal pure returns (string memory) {
        return string.concat("data:application/json;base64,", Base64.encode(_json(piece)));
    }

    /// @dev `description` and `image` show the text readably, `aigc_data` holds its exact bytes.
    function _json(Piece memory piece) private pure returns (bytes memory) {
        bytes memory text = Utf8.sanitize(piece.content);
        string memory number = LibString.toString(piece.requestId);
        string memory footer = string.concat("imo answer ", number, ", ", piece.status);
        return bytes.concat(
            '{"name":"imo answer ',
            bytes(number),
            '","description":"',
            bytes(LibString.escapeJSON(string(text))),
            '","image":"',
            bytes(ContentCard.uri(text, footer)),
            '","prompt":"',
            bytes(LibString.toHexString(piece.prompt)),
            '","aigc_type":"text","aigc_data":"data:text/plain;charset=utf-8;base64,',
            bytes(Base64.encode(piece.content)),
            '","proof_type":"fraud (opML)","attributes":[',
            _attributes(piece, number),
            "]}"
        );
    }

    function _attributes(Piece memory piece, string memory number)
        private
        pure
        returns (bytes memory)
    {
        return bytes.concat(
            _attribute("model", LibString.toHexString(piece.modelId, 32)),
            ",",
            _attribute("request", number),
            ",",
            _attribute("operator", LibString.toHexStringChecksummed(piece.operator)),
            ",",
            _attribute("status", piece.status)
        );
    }

    function _attribute(string memory name, string memory value)
        private
        pure
        returns (bytes memory)
    {
        return bytes.concat('{"trait_type":"', bytes(name), '","value":"', bytes(value), '"}');
    }
}
