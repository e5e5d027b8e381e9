// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {DotProduct} from "../../src/opml/DotProduct.sol";
import {OpmlConstants as K} from "../../src/opml/OpmlConstants.sol";

/// @notice The product that takes eight lanes at once, against one that does not.
contract DotProductTest is Test {
    function weighted(bytes calldata w, bytes calldata x) external pure returns (int256) {
        uint256 atW;
        uint256 atX;
        assembly ("memory-safe") {
            atW := w.offset
            atX := x.offset
        }
        return DotProduct.weighted(atW, atX, w.length);
    }

    function testFuzz_Weighted(bytes calldata w, uint256 seed) external view {
        bytes memory x = new bytes(2 * w.length);
        for (uint256 i; i < x.length; ++i) {
            x[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        }
        assertEq(this.weighted(w, x), _plain(w, x));
    }

    /// @dev The longest row of values at the ends of their types.
    function test_WeightedAtTheEnds() external view {
        bytes2[4] memory ends = [bytes2(0x8000), 0x7FFF, 0xFFFF, 0];
        bytes1[4] memory weights = [bytes1(0x80), 0x7F, 0xFF, 0];
        for (uint256 i; i < 16; ++i) {
            bytes memory w = new bytes(K.MAX_COLUMNS);
            bytes memory x = new bytes(2 * K.MAX_COLUMNS);
            for (uint256 j; j < w.length; ++j) {
                w[j] = weights[i / 4];
                (x[2 * j], x[2 * j + 1]) = (ends[i % 4][0], ends[i % 4][1]);
            }
            int256 product = int256(int8(uint8(weights[i / 4]))) * int16(uint16(ends[i % 4]));
            // forge-lint: disable-next-line(unsafe-typecast) 2^14
            assertEq(this.weighted(w, x), product * int256(K.MAX_COLUMNS));
        }
    }

    function _plain(bytes memory w, bytes memory x) private pure returns (int256 sum) {
        for (uint256 j; j < w.length; ++j) {
            int256 value = int16(uint16(uint8(x[2 * j])) << 8 | uint8(x[2 * j + 1]));
            sum += int256(int8(uint8(w[j]))) * value;
        }
    }
}
