// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {WhirParameters} from "../../src/zkml/WhirParameters.sol";

/// @notice What C++ cannot even ask for; the rest is compared with it in whir_equivalence_test.cpp.
contract WhirParametersTest is Test {
    function plan(uint256 count, uint256 stored)
        external
        pure
        returns (WhirParameters.Plan memory)
    {
        WhirParameters.Parameters memory parameters;
        parameters.commitments = new WhirParameters.Commitment[](count);
        for (uint256 i; i < count; ++i) {
            parameters.commitments[i].variables = 16;
            parameters.commitments[i].rate = 4;
            parameters.commitments[i].stored = stored;
        }
        parameters.rate = 6;
        (parameters.grinding, parameters.security) = (20, 100);
        return WhirParameters.plan(parameters);
    }

    function test_one_or_two_commitments() public {
        assertEq(this.plan(1, 5).parts.length, 1);
        assertEq(this.plan(2, 5).parts.length, 2);
        vm.expectRevert(ProofErrors.BadParameters.selector);
        this.plan(0, 5);
        vm.expectRevert(ProofErrors.BadParameters.selector);
        this.plan(3, 5);
    }

    function test_no_more_is_stored_than_there_is() public {
        this.plan(2, 1 << 16);
        vm.expectRevert(ProofErrors.BadParameters.selector);
        this.plan(2, (1 << 16) + 1);
    }
}
