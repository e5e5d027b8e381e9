// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Fp3, ONE} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {Transcript} from "./Transcript.sol";
import {WhirClaims} from "./WhirClaims.sol";

/// @title Values of columns, read when they are first asked for
/// @notice The twin of src/imo/zkml/column.cpp. A value that was read is a claim, to be opened in the end; it is not read again.
library ColumnClaims {
    using Transcript for Transcript.Reader;

    /// @param rho The point where the sum of fractions ended; most claims are at its first coordinates.
    /// @param atRho By column: number plus one of the claim there.
    /// @param list Claims, in the order in which they were read.
    /// @param columns Of each claim.
    /// @param before Of each claim: the one before it on the same column, plus one.
    /// @param latest By column: its latest claim, plus one.
    /// @param points Points met, by their hash: hash, point, in turns; a hash of zero is free.
    /// @param scales The same of what columns' highest coordinates weigh blocks with.
    struct Known {
        Fp3[] rho;
        uint256[] atRho;
        WhirClaims.Claim[] list;
        uint256[] columns;
        uint256[] before;
        uint256[] latest;
        uint256 count;
        uint256[] points;
        uint256[] scales;
    }

    uint256 private constant MOST = 320;
    /// @dev A power of two. A circuit has about half as many points, whatever the model.
    uint256 private constant PLACES = 256;

    function create(Fp3[] memory rho, uint256 columns) internal pure returns (Known memory known) {
        known.rho = rho;
        known.atRho = new uint256[](columns);
        known.list = _emptyList();
        known.columns = new uint256[](MOST);
        known.before = new uint256[](MOST);
        known.latest = new uint256[](columns);
        known.points = new uint256[](2 * PLACES);
        known.scales = new uint256[](2 * PLACES);
    }

    /// @dev Room for claims that are still to be made; `new` would make them all.
    function _emptyList() private pure returns (WhirClaims.Claim[] memory list) {
        uint256[] memory room = new uint256[](MOST);
        assembly ("memory-safe") {
            list := room
        }
    }

    /// @notice The column's value at the first coordinates of rho.
    function valueAtRho(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column
    ) internal pure returns (Fp3) {
        uint256 number = known.atRho[column];
        if (number == 0) {
            uint256 variables = b.columns[column].variables;
            Fp3[] memory point = known.rho;
            uint256[] memory places = known.points;
            (uint256 place,) = _find(places, Points.start(point), variables);
            assembly ("memory-safe") {
                mstore(add(place, 32), point)
            }
            number = _read(known, b, reader, column, point);
            known.atRho[column] = number;
        }
        return known.list[number - 1].value;
    }

    /// @notice The point that stands for all with these coordinates: the one met first.
    function met(Known memory known, Fp3[] memory point)
        internal
        pure
        returns (Fp3[] memory first)
    {
        uint256 count = point.length;
        first = metStart(known, point, count);
        assembly ("memory-safe") {
            // The one behind all else in memory is not needed when it was met before.
            let end := add(point, shl(5, add(count, 1)))
            if and(gt(point, first), eq(end, mload(0x40))) { mstore(0x40, point) }
        }
    }

    /// @notice The same of the first `count` coordinates of a point.
    function metStart(Known memory known, Fp3[] memory point, uint256 count)
        internal
        pure
        returns (Fp3[] memory first)
    {
        (uint256 place, bool isMet) = _find(known.points, Points.start(point), count);
        assembly ("memory-safe") {
            if iszero(isMet) { mstore(add(place, 32), point) }
            first := mload(add(place, 32))
        }
    }

    /// @notice The column's value at a point of as many coordinates as it has variables.
    /// @param point As met() gives it.
    function value(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column,
        Fp3[] memory point
    ) internal pure returns (Fp3) {
        for (uint256 number = known.latest[column]; number != 0; number = known.before[number - 1]) {
            WhirClaims.Claim memory claim = known.list[number - 1];
            if (Points.start(claim.point) == Points.start(point)) return claim.value;
        }
        return known.list[_read(known, b, reader, column, point) - 1].value;
    }

    /// @notice All claims on one commitment.
    function on(Known memory known, Circuit.Builder memory b, bool isRegistered)
        internal
        pure
        returns (WhirClaims.Claim[] memory some)
    {
        some = _emptyList();
        uint256 count;
        for (uint256 i; i < known.count; ++i) {
            if (b.columns[known.columns[i]].isRegistered == isRegistered) {
                some[count++] = known.list[i];
            }
        }
        assembly ("memory-safe") {
            mstore(some, count)
        }
    }

    function _read(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column,
        Fp3[] memory point
    ) private pure returns (uint256 number) {
        Circuit.Column memory from = b.columns[column];
        uint256 v = from.variables - from.blockBits;
        Fp3[] memory scales =
            _scales(known, Points.start(point) + 32 * v, from.blockBits, from.blocks);
        known.list[known.count] =
            WhirClaims.Claim(point, v, from.offset >> v, scales, reader.readFp3());
        known.columns[known.count] = column;
        known.before[known.count] = known.latest[column];
        number = ++known.count;
        known.latest[column] = number;
    }

    /// @dev Of `blocks` blocks, by the coordinates that count them.
    function _scales(Known memory known, uint256 r, uint256 bits, uint256 blocks)
        private
        pure
        returns (Fp3[] memory scales)
    {
        (uint256 place, bool isMet) = _find(known.scales, r, bits);
        if (isMet) {
            assembly ("memory-safe") {
                scales := mload(add(place, 32))
            }
            return scales;
        }
        scales = Points.weights(r, bits);
        assembly ("memory-safe") {
            mstore(scales, blocks)
            mstore(add(place, 32), scales)
        }
    }

    /// @dev The place of n coordinates in a table by their hash, free or not.
    function _find(uint256[] memory places, uint256 r, uint256 n)
        private
        pure
        returns (uint256 place, bool isMet)
    {
        assembly ("memory-safe") {
            // The number of coordinates tells the empty run from others.
            let hash := add(keccak256(r, shl(5, n)), n)
            let mask := sub(shr(1, mload(places)), 1)
            let at := and(hash, mask)
            for {} 1 { at := and(add(at, 1), mask) } {
                place := add(add(places, 32), shl(6, at))
                let there := mload(place)
                if eq(there, hash) {
                    isMet := 1
                    break
                }
                if iszero(there) {
                    mstore(place, hash)
                    break
                }
            }
        }
    }
}
