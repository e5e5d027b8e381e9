// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ContentPrompt} from "../../src/libraries/ContentPrompt.sol";
import {PackedTokens} from "../../src/libraries/PackedTokens.sol";
import {Utf8} from "../../src/libraries/Utf8.sol";

/// PackedTokens: against the same thing said with bytes and loops
/// ContentPrompt: one encoding and only one; any bytes have a result
/// Utf8: the table of the Unicode Standard, exhaustively for two bytes, and whole texts
contract LibrariesTest is Test {
    // Calldata in, so that the libraries meet what they meet in the contracts.
    function read(bytes calldata tokens, uint256 i) external pure returns (uint256) {
        return PackedTokens.read(tokens, i);
    }

    function firstNotBelow(bytes calldata tokens, uint256 bound_) external pure returns (uint256) {
        return PackedTokens.firstNotBelow(tokens, bound_);
    }

    function firstEqual(bytes calldata tokens, uint256 token) external pure returns (uint256) {
        return PackedTokens.firstEqual(tokens, token);
    }

    function tryDecode(bytes calldata prompt)
        external
        pure
        returns (bool, uint256, bytes memory, uint32, uint256)
    {
        return ContentPrompt.tryDecode(prompt);
    }

    // ------------------------------------------------------------ PackedTokens

    function testFuzz_packed_reads(uint32[] memory tokens, uint256 probe) public view {
        bytes memory packed;
        for (uint256 i = 0; i < tokens.length; ++i) {
            packed = bytes.concat(packed, bytes4(tokens[i]));
        }
        uint256 firstSame = tokens.length;
        uint256 firstHigh = tokens.length;
        uint256 wanted = tokens.length == 0 ? 0 : tokens[probe % tokens.length];
        for (uint256 i = tokens.length; i > 0; --i) {
            assertEq(this.read(packed, i - 1), tokens[i - 1]);
            if (tokens[i - 1] == wanted) firstSame = i - 1;
            if (tokens[i - 1] >= wanted) firstHigh = i - 1;
        }
        assertEq(this.firstEqual(packed, wanted), firstSame);
        assertEq(this.firstNotBelow(packed, wanted), firstHigh);
    }

    // ------------------------------------------------------------ ContentPrompt

    function testFuzz_prompt_roundTrip(uint256 model, bytes memory tokens, uint32 max, uint256 id)
        public
        view
    {
        bytes memory encoded = ContentPrompt.encode(model, tokens, max, id);
        (bool valid, uint256 m, bytes memory t, uint32 x, uint256 r) = this.tryDecode(encoded);
        assertTrue(valid);
        assertEq(m, model);
        assertEq(t, tokens);
        assertEq(x, max);
        assertEq(r, id);
    }

    /// @dev Who gains if two encodings passed: whoever mints the same answer twice.
    function testFuzz_prompt_anyChangedByteIsAnotherPromptOrNone(
        bytes memory tokens,
        uint256 where,
        uint8 flip
    ) public view {
        vm.assume(flip != 0);
        bytes memory encoded = ContentPrompt.encode(7, tokens, 5, 9);
        where = bound(where, 0, encoded.length - 1);
        encoded[where] = bytes1(uint8(encoded[where]) ^ flip);
        (bool valid, uint256 m, bytes memory t, uint32 x, uint256 r) = this.tryDecode(encoded);
        if (valid) assertEq(ContentPrompt.encode(m, t, x, r), encoded, "not the one encoding");
    }

    function test_prompt_longerAndShorter_areNone() public view {
        bytes memory encoded = ContentPrompt.encode(7, hex"00000001", 5, 9);
        (bool valid,,,,) = this.tryDecode(bytes.concat(encoded, new bytes(32)));
        assertFalse(valid, "trailing bytes");
        for (uint256 length = 0; length < encoded.length; ++length) {
            bytes memory shorter = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                shorter[i] = encoded[i];
            }
            (valid,,,,) = this.tryDecode(shorter);
            assertFalse(valid, "cut short");
        }
    }

    function test_prompt_hostileHeads_areNone() public view {
        uint256 huge = type(uint256).max;
        (bool valid,,,,) = this.tryDecode(abi.encode(1, 0x80, 1, 1, huge));
        assertFalse(valid, "length beyond the end");
        (valid,,,,) = this.tryDecode(abi.encode(1, huge, 1, 1, 0));
        assertFalse(valid, "offset elsewhere");
        (valid,,,,) = this.tryDecode(abi.encode(1, 0x80, huge, 1, 0));
        assertFalse(valid, "maxTokens beyond 32 bits");
        (valid,,,,) = this.tryDecode(abi.encode(1, 0x80, 1, 1, 0));
        assertTrue(valid, "the empty prompt is well formed");
    }

    // ------------------------------------------------------------ Utf8

    function test_utf8_validTextIsUnchanged() public pure {
        bytes memory text = unicode"Grüße, 世界 🌍\n\"\\";
        assertEq(Utf8.sanitize(text), text);
        assertEq(Utf8.sanitize(""), "");
    }

    function test_utf8_brokenTextIsRepaired() public pure {
        bytes memory r = hex"efbfbd";
        assertEq(Utf8.sanitize(hex"41ff42"), bytes.concat("A", r, "B"));
        assertEq(Utf8.sanitize(hex"e4b8"), bytes.concat(r, r)); // cut inside a character
        assertEq(Utf8.sanitize(hex"c080"), bytes.concat(r, r)); // overlong
        assertEq(Utf8.sanitize(hex"eda080"), bytes.concat(r, r, r)); // surrogate
        assertEq(Utf8.sanitize(hex"f4908080"), bytes.concat(r, r, r, r)); // beyond U+10FFFF
        assertEq(Utf8.sanitize(hex"e4b8ade4"), bytes.concat(unicode"中", r));
    }

    function test_utf8_boundariesOfTheTable() public pure {
        bytes[9] memory good = [
            bytes(hex"7f"),
            hex"c280",
            hex"dfbf",
            hex"e0a080",
            hex"ed9fbf",
            hex"ee8080",
            hex"f0908080",
            hex"f48fbfbf",
            hex"efbfbf"
        ];
        for (uint256 i = 0; i < good.length; ++i) {
            assertEq(Utf8.lengthAt(good[i], 0), good[i].length);
        }
        bytes[8] memory bad = [
            bytes(hex"80"),
            hex"c1bf",
            hex"e09fbf",
            hex"eda080",
            hex"f08fbfbf",
            hex"f4908080",
            hex"f5808080",
            hex"c220"
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            assertEq(Utf8.lengthAt(bad[i], 0), 0);
        }
    }

    /// @dev Idempotent, never longer than three times, and valid by the same table.
    function testFuzz_utf8_repairedTextIsValid(bytes memory text) public pure {
        bytes memory clean = Utf8.sanitize(text);
        assertLe(clean.length, 3 * text.length);
        assertEq(Utf8.sanitize(clean), clean);
        uint256 i = 0;
        while (i < clean.length) {
            uint256 length = Utf8.lengthAt(clean, i);
            assertNotEq(length, 0);
            i += length;
        }
    }
}
