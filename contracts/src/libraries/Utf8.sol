// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Valid UTF-8 out of any bytes
/// @notice What a model writes need not be valid UTF-8 (byte tokens, answers cut inside a character),
/// but JSON and XML must be.
library Utf8 {
    /// @dev U+FFFD in UTF-8.
    bytes3 private constant REPLACEMENT = 0xefbfbd;

    /// @notice Length of the well-formed character at `index`, or zero when there is none.
    /// @dev The Unicode Standard, table 3-7: no overlong forms, no surrogates, none above U+10FFFF.
    function lengthAt(bytes memory text, uint256 index) internal pure returns (uint256) {
        uint8 first = uint8(text[index]);
        if (first < 0x80) return 1;
        if (first < 0xc2 || first > 0xf4) return 0;
        if (first < 0xe0) return _follows(text, index + 1, 0x80, 0xbf, 1) ? 2 : 0;
        if (first < 0xf0) {
            uint8 low3 = first == 0xe0 ? 0xa0 : 0x80;
            uint8 high3 = first == 0xed ? 0x9f : 0xbf;
            return _follows(text, index + 1, low3, high3, 2) ? 3 : 0;
        }
        uint8 low4 = first == 0xf0 ? 0x90 : 0x80;
        uint8 high4 = first == 0xf4 ? 0x8f : 0xbf;
        return _follows(text, index + 1, low4, high4, 3) ? 4 : 0;
    }

    /// @notice The text with every byte that is not part of a well-formed character replaced by
    /// U+FFFD. Valid text comes back unchanged.
    function sanitize(bytes memory text) internal pure returns (bytes memory clean) {
        clean = new bytes(3 * text.length); // a replacement is three bytes for one
        uint256 written = 0;
        uint256 index = 0;
        while (index < text.length) {
            uint256 length = lengthAt(text, index);
            if (length == 0) {
                for (uint256 k = 0; k < 3; ++k) {
                    clean[written++] = REPLACEMENT[k];
                }
                ++index;
            } else {
                for (uint256 k = 0; k < length; ++k) {
                    clean[written++] = text[index++];
                }
            }
        }
        assembly ("memory-safe") {
            mstore(clean, written) // only ever shortens
        }
    }

    /// @dev Whether `count` continuation bytes stand at `index`, the first within [low, high].
    function _follows(bytes memory text, uint256 index, uint8 low, uint8 high, uint256 count)
        private
        pure
        returns (bool)
    {
        if (index + count > text.length) return false;
        uint8 second = uint8(text[index]);
        if (second < low || second > high) return false;
        for (uint256 k = 1; k < count; ++k) {
            if (uint8(text[index + k]) & 0xc0 != 0x80) return false;
        }
        return true;
    }
}
