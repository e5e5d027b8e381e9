// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {FractionSum} from "../../src/zkml/FractionSum.sol";
import {Fp3, ONE, ZERO} from "../../src/zkml/Fp3.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";

/// Two leaves, by hand; larger trees are compared with C++ in proof_equivalence_test.cpp.
contract FractionSumTest is Test {
    using Transcript for Transcript.Reader;

    function check(bytes calldata proof, uint256 variables)
        external
        pure
        returns (Fp3 numerator, Fp3 denominator, Fp3[] memory point)
    {
        Transcript.Reader memory reader = Transcript.open("p", "s", proof);
        (numerator, denominator, point) = FractionSum.check(reader, variables);
        reader.finish();
    }

    function root(Fp3 p0, Fp3 p1, Fp3 q0, Fp3 q1) private pure returns (bytes memory) {
        return bytes.concat(
            bytes24(_high(p0)), bytes24(_high(p1)), bytes24(_high(q0)), bytes24(_high(q1))
        );
    }

    function _high(Fp3 a) private pure returns (bytes32) {
        return bytes32(Fp3.unwrap(a) << 64);
    }

    function test_two_leaves() public view {
        // 1/2 - 1/2
        (Fp3 p, Fp3 q, Fp3[] memory point) =
            this.check(root(ONE, ZERO - ONE, ONE.twice(), ONE.twice()), 1);
        assertEq(point.length, 1);
        assertTrue(p == ONE - point[0].twice());
        assertTrue(q == ONE.twice());
    }

    function test_refuses_other_sums() public {
        bytes memory refusal = abi.encodeWithSelector(ProofErrors.SumNotZero.selector, 96);
        vm.expectRevert(refusal);
        this.check(root(ONE, ONE, ONE, ONE), 1);
        // 0 / 0 would add up with anything.
        vm.expectRevert(refusal);
        this.check(root(ZERO, ONE, ZERO, ONE.twice()), 1);
        vm.expectRevert(refusal);
        this.check(root(ONE, ZERO, ONE.twice(), ZERO), 1);
        vm.expectRevert(refusal);
        this.check(root(ZERO, ZERO, ZERO, ZERO), 1);
    }

    function test_has_variables() public {
        vm.expectRevert(ProofErrors.NoVariables.selector);
        this.check("", 0);
    }
}
