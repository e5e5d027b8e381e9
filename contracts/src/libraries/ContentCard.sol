// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "solady/utils/Base64.sol";
import {LibString} from "solady/utils/LibString.sol";

import {Utf8} from "./Utf8.sol";

/// @title A picture of a text: one square SVG with its first lines
/// @notice 1080 pixels square, within ERC-7007's 320 to 1080 and its aspect ratios.
library ContentCard {
    uint256 private constant COLUMNS = 42;
    uint256 private constant LINES = 18;

    /// @notice A data URI of the card.
    /// @param text Valid UTF-8.
    /// @param footer Needs no escaping.
    function uri(bytes memory text, string memory footer) internal pure returns (string memory) {
        bytes memory svg = bytes.concat(
            '<svg xmlns="http://www.w3.org/2000/svg" width="1080" height="1080" '
            'viewBox="0 0 1080 1080"><rect width="1080" height="1080" fill="#f6f2e9"/>'
            '<g font-family="monospace" font-size="36" fill="#1d1d1b" xml:space="preserve">',
            _lines(text),
            '</g><text x="80" y="1020" font-family="monospace" font-size="24" fill="#8a7f6a">',
            bytes(footer),
            "</text></svg>"
        );
        return string.concat("data:image/svg+xml;base64,", Base64.encode(svg));
    }

    /// @dev The text broken after COLUMNS characters and at newlines, as far as LINES lines.
    function _lines(bytes memory text) private pure returns (bytes memory svg) {
        uint256 index = 0;
        for (uint256 line = 0; line < LINES && index < text.length; ++line) {
            uint256 end = _lineEnd(text, index);
            svg = bytes.concat(
                svg,
                '<text x="80" y="',
                bytes(LibString.toString(120 + 48 * line)),
                '">',
                bytes(LibString.escapeHTML(_visible(text, index, end))),
                "</text>"
            );
            index = end < text.length && text[end] == "\n" ? end + 1 : end;
        }
    }

    function _lineEnd(bytes memory text, uint256 index) private pure returns (uint256) {
        for (uint256 column = 0; column < COLUMNS && index < text.length; ++column) {
            if (text[index] == "\n") break;
            index += Utf8.lengthAt(text, index);
        }
        return index;
    }

    /// @dev Bytes of a line. What XML 1.0 forbids is replaced: control characters by spaces, U+FFFE and
    /// U+FFFF (ef bf be, ef bf bf) by U+FFFD (ef bf bd).
    function _visible(bytes memory text, uint256 from, uint256 to)
        private
        pure
        returns (string memory)
    {
        bytes memory line = new bytes(to - from);
        for (uint256 k = 0; k < line.length; ++k) {
            bytes1 b = text[from + k];
            line[k] = b < 0x20 ? bytes1(0x20) : b;
            bool forbidden =
                k > 1 && b > 0xbd && line[k - 1] == bytes1(0xbf) && line[k - 2] == bytes1(0xef);
            if (forbidden) line[k] = bytes1(0xbd);
        }
        return string(line);
    }
}
