// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Circuit} from "../../src/zkml/Circuit.sol";
import {Leaves} from "../../src/zkml/CircuitWords.sol";
import {ColumnClaims} from "../../src/zkml/ColumnClaims.sol";
import {Fp3, ONE, fp3} from "../../src/zkml/Fp3.sol";
import {Lookups} from "../../src/zkml/Lookups.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";

/// One lookup of 2^16 cells in the table of 16 bits, by hand. Whole circuits are compared with C++.
contract LookupsTest is Test {
    using Circuit for Circuit.Builder;

    Fp3 private constant ALPHA = Fp3.wrap(11 << 128 | 7 << 64 | 5);
    Fp3 private constant BETA = Fp3.wrap(3 << 128 | 1);

    /// @dev Where the sum of fractions ended: 16 coordinates of a leaf, and one that tells the lookup from the table.
    function rho(uint256 j) private pure returns (Fp3) {
        return fp3(2 + j, 5 * j, j * j);
    }

    function check(bytes calldata proof, Fp3 numerator, Fp3 denominator) external pure {
        Circuit.Builder memory b = Circuit.create(1, 0);
        (uint256[] memory bits, uint256[] memory bounds) = (new uint256[](1), new uint256[](1));
        (bits[0], bounds[0]) = (16, 1 << 16);
        b.limbs(b.box(bits, bounds), 16, false);
        b.place();
        (Leaves[] memory order, uint256 variables) = Lookups.segments(b);
        Fp3[] memory point = new Fp3[](variables);
        for (uint256 j; j < variables; ++j) {
            point[j] = rho(j);
        }
        Lookups.check(
            Transcript.open("p", "s", proof),
            b,
            order,
            Lookups.Challenges(ALPHA, BETA, BETA * BETA),
            ColumnClaims.create(point, b.columnCount),
            [numerator, denominator]
        );
    }

    function test_both_halves_of_the_fraction_count() public {
        (Fp3 input, Fp3 counts) = (fp3(20, 21, 22), fp3(23, 24, 25));
        bytes memory proof =
            bytes.concat(bytes24(uint192(Fp3.unwrap(input))), bytes24(uint192(Fp3.unwrap(counts))));
        Fp3 row;
        for (uint256 j; j < 16; ++j) {
            row = row + rho(j).times(1 << j);
        }
        (Fp3 lookup, Fp3 table) = (ONE - rho(16), rho(16));
        Fp3 numerator = lookup - table * counts;
        Fp3 rest = ALPHA - ONE.times(16);
        Fp3 denominator = lookup * (rest - BETA * input) + table * (rest - BETA * row);
        this.check(proof, numerator, denominator);
        bytes memory refusal = abi.encodeWithSelector(ProofErrors.LookupMismatch.selector, 48);
        vm.expectRevert(refusal);
        this.check(proof, numerator + ONE, denominator);
        vm.expectRevert(refusal);
        this.check(proof, numerator, denominator + ONE);
    }
}
