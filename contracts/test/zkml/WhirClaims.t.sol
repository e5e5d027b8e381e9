// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Fp3, fp3} from "../../src/zkml/Fp3.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {WhirClaims} from "../../src/zkml/WhirClaims.sol";

/// What a contract can ask for by mistake. Openings are compared with C++ in whir_equivalence_test.cpp.
contract WhirClaimsTest is Test {
    function validate(
        uint256 count,
        uint256 coordinates,
        uint256 variables,
        uint256 first,
        uint256 blocks
    ) external pure {
        WhirClaims.Claim[] memory claims = new WhirClaims.Claim[](count);
        Fp3[] memory point = new Fp3[](coordinates);
        Fp3[] memory scales = new Fp3[](blocks);
        for (uint256 i; i < count; ++i) {
            claims[i] = WhirClaims.Claim(point, variables, first, scales, fp3(0, 0, 0));
        }
        WhirClaims.place(claims, 10, 1 << 10, 3 << 10, 3);
        for (uint256 i; i < count; ++i) {
            assertEq(claims[i].first, first + (3 << (10 - variables)));
        }
    }

    /// Elements from 768 on are another commitment's.
    function validateBelow(uint256 variables, uint256 first, uint256 blocks) external pure {
        WhirClaims.Claim[] memory claims = new WhirClaims.Claim[](1);
        claims[0] =
            WhirClaims.Claim(new Fp3[](10), variables, first, new Fp3[](blocks), fp3(0, 0, 0));
        WhirClaims.place(claims, 10, 768, 0, 1);
    }

    function test_count() public {
        this.validate(0, 3, 3, 0, 1);
        this.validate(3, 3, 3, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadClaimCount.selector, 4));
        this.validate(4, 3, 3, 0, 1);
    }

    function test_dimension() public {
        this.validate(2, 12, 10, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadDimension.selector, 11, 10));
        this.validate(2, 12, 11, 0, 1);
        // Even of no block at all.
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadDimension.selector, 11, 10));
        this.validate(2, 12, 11, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadDimension.selector, 4, 5));
        this.validate(2, 4, 5, 0, 1);
    }

    function test_blocks() public {
        this.validate(1, 7, 7, 7, 1);
        this.validate(1, 7, 7, 2, 6);
        this.validate(1, 0, 0, 1023, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 8, 1, 8));
        this.validate(1, 7, 7, 8, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 2, 7, 8));
        this.validate(1, 7, 7, 2, 7);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 1, 1, 1));
        this.validate(1, 10, 10, 1, 1);
        // A number that would wrap.
        uint256 last = type(uint256).max;
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, last, 1, 8));
        this.validate(1, 7, 7, last, 1);
    }

    function test_blocksBeforeAHole() public {
        this.validateBelow(8, 2, 1);
        this.validateBelow(8, 0, 3);
        this.validateBelow(9, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 3, 1, 3));
        this.validateBelow(8, 3, 1);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 0, 2, 1));
        this.validateBelow(9, 0, 2);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadBlocks.selector, 0, 1, 0));
        this.validateBelow(10, 0, 1);
    }
}
