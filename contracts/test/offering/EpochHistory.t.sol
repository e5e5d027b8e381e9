// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {EpochHistory} from "../../src/libraries/EpochHistory.sol";

contract EpochHistoryTest is Test {
    using EpochHistory for EpochHistory.History;

    uint256 private constant EPOCHS = 40;

    EpochHistory.History private history;

    function test_lookup_empty_isZero() public view {
        assertEq(history.lookup(0), 0);
        assertEq(history.lookup(type(uint256).max), 0);
    }

    function test_write_sameEpoch_overwrites() public {
        history.write(3, 5);
        history.write(3, 7);
        assertEq(history.count, 0);
        assertEq(history.lookup(2), 0);
        assertEq(history.lookup(3), 7);
        assertEq(history.lookup(9), 7);
    }

    function test_write_backToZero_isRemembered() public {
        history.write(3, 5);
        history.write(4, 0);
        history.write(6, 8);
        assertEq(history.lookup(3), 5);
        assertEq(history.lookup(4), 0);
        assertEq(history.lookup(5), 0);
        assertEq(history.lookup(6), 8);
    }

    function test_write_keepsFlag() public {
        history.flag = true;
        history.write(3, 5);
        history.write(4, 6);
        assertTrue(history.flag);
    }

    /// @dev The slow twin is an array with one entry for every epoch.
    function testFuzz_lookup_matchesArray(uint256 seed) public {
        uint128[EPOCHS] memory values;
        for (uint48 epoch = 0; epoch < EPOCHS; ++epoch) {
            if (epoch != 0) values[epoch] = values[epoch - 1];
            for (; seed % 3 != 0; seed = uint256(keccak256(abi.encode(seed)))) {
                values[epoch] = uint128(bound(seed >> 8, 0, 4));
                history.write(epoch, values[epoch]);
            }
            seed = uint256(keccak256(abi.encode(seed)));
        }
        for (uint256 epoch = 0; epoch < EPOCHS; ++epoch) {
            assertEq(history.lookup(epoch), values[epoch]);
        }
        assertEq(history.lookup(EPOCHS + 5), values[EPOCHS - 1]);
    }
}
