// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Column} from "./CircuitWords.sol";
import {Fp3, ONE} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {Transcript} from "./Transcript.sol";

/// @title Values of columns, read when they are first asked for
/// @notice The twin of src/imo/zkml/column.cpp. A value that was read is a claim, to be opened in the end; it is not read again.
library ColumnClaims {
    using Transcript for Transcript.Reader;

    /// @notice Claims are words that say where they are in memory: what WhirClaims.Claim has, and behind it where the column's claim
    /// before it is, or zero.
    /// @param rho The point where the sum of fractions ended; most claims are at its first coordinates.
    /// @param atRho By column: its claim there, or zero.
    /// @param latest By column: its latest claim, or zero.
    /// @param witness Claims on the witness, in the order in which they were read.
    /// @param registered The same of those on the registered model.
    /// @param starts A bit for each number of coordinates with which rho was met.
    /// @param points Points met, by their hash: its first 224 bits and where the point is; a word of zero is free.
    /// @param scales The same of what columns' highest coordinates weigh blocks with.
    /// @param one The scale of columns that are one block.
    struct Known {
        Fp3[] rho;
        uint256[] atRho;
        uint256[] latest;
        uint256[] witness;
        uint256 witnessCount;
        uint256[] registered;
        uint256 registeredCount;
        uint256 starts;
        uint256[] points;
        uint256[] scales;
        Fp3[] one;
    }

    uint256 private constant MOST_WITNESS = 256;
    uint256 private constant MOST_REGISTERED = 64;
    /// @dev Powers of two. A circuit has about half as many, whatever the model.
    uint256 private constant POINTS = 256;
    uint256 private constant SCALES = 64;

    function create(Fp3[] memory rho, uint256 columns) internal pure returns (Known memory known) {
        known.rho = rho;
        known.atRho = new uint256[](columns);
        known.latest = new uint256[](columns);
        known.witness = new uint256[](MOST_WITNESS);
        known.registered = new uint256[](MOST_REGISTERED);
        known.points = new uint256[](POINTS);
        known.scales = new uint256[](SCALES);
        known.one = new Fp3[](1);
        known.one[0] = ONE;
    }

    /// @notice The column's value at the first coordinates of rho.
    function valueAtRho(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column
    ) internal pure returns (Fp3 there) {
        uint256[] memory atRho = known.atRho;
        uint256 claim = atRho[column];
        if (claim == 0) {
            Column from = b.columns[column];
            _meetRho(known, from.variables());
            claim = _read(known, from, reader, column, known.rho);
            atRho[column] = claim;
        }
        assembly ("memory-safe") {
            there := mload(add(claim, 0x80))
        }
    }

    /// @dev From now on rho stands for all points with its first coordinates.
    function _meetRho(Known memory known, uint256 count) private pure {
        if (known.starts >> count & 1 == 1) return;
        known.starts |= 1 << count;
        Fp3[] memory point = known.rho;
        (uint256 place,) = _find(known.points, Points.start(point), count);
        _put(place, point);
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
        uint256 place;
        (place, first) = _find(known.points, Points.start(point), count);
        if (_isMissing(first)) {
            _put(place, point);
            first = point;
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
    ) internal pure returns (Fp3 there) {
        uint256 claim = known.latest[column];
        assembly ("memory-safe") {
            for {} claim { claim := mload(add(claim, 0xa0)) } {
                if eq(mload(claim), point) { break }
            }
        }
        if (claim == 0) claim = _read(known, b.columns[column], reader, column, point);
        assembly ("memory-safe") {
            there := mload(add(claim, 0x80))
        }
    }

    /// @notice Copies the claims on one commitment, as WhirClaims has them, to what is handed over; see Handover.begin(). Points and
    /// scales are copied once, and of no use afterwards: where they were it says where they are.
    /// @return at Where the taker has the list.
    function copy(Known memory known, uint256 base, bool isRegistered)
        internal
        pure
        returns (uint256 at)
    {
        uint256[] memory list = isRegistered ? known.registered : known.witness;
        uint256 count = isRegistered ? known.registeredCount : known.witnessCount;
        assembly ("memory-safe") {
            // Where the taker has a run of elements that is copied now. What was its length tells it from now on.
            function copied(run, from) -> there {
                let size := shl(5, add(mload(run), 1))
                let to := mload(0x40)
                mcopy(to, run, size)
                mstore(0x40, add(to, size))
                there := sub(to, from)
                mstore(run, shl(128, there))
            }
            let to := mload(0x40)
            at := sub(to, base)
            mstore(to, count)
            to := add(to, 32)
            let claims := add(to, shl(5, count))
            mstore(0x40, add(claims, mul(count, 160)))
            for { let end := claims } lt(to, end) { to := add(to, 32) } {
                list := add(list, 32)
                let claim := mload(list)
                mstore(to, sub(claims, base))
                mcopy(claims, claim, 160)
                let run := mload(claim)
                let there := shr(128, mload(run))
                if iszero(there) { there := copied(run, base) }
                mstore(claims, there)
                run := mload(add(claim, 96))
                there := shr(128, mload(run))
                if iszero(there) { there := copied(run, base) }
                mstore(add(claims, 96), there)
                claims := add(claims, 160)
            }
        }
    }

    /// @dev The claim that is read becomes the column's latest.
    function _read(
        Known memory known,
        Column from,
        Transcript.Reader memory reader,
        uint256 column,
        Fp3[] memory point
    ) private pure returns (uint256 claim) {
        uint256 v = from.blockVariables();
        uint256 bits = from.blockBits();
        Fp3[] memory scales = bits == 0
            ? known.one
            : _scales(known, Points.start(point) + 32 * v, bits, from.blocks());
        uint256 first = from.offset() >> v;
        Fp3 there = reader.readFp3();
        uint256[] memory latest = known.latest;
        assembly ("memory-safe") {
            claim := mload(0x40)
            mstore(0x40, add(claim, 0xc0))
            mstore(claim, point)
            mstore(add(claim, 0x20), v)
            mstore(add(claim, 0x40), first)
            mstore(add(claim, 0x60), scales)
            mstore(add(claim, 0x80), there)
            let place := add(add(latest, 32), shl(5, column))
            mstore(add(claim, 0xa0), mload(place))
            mstore(place, claim)
        }
        unchecked {
            // Their lists have a length, so there are not too many.
            if (from.isRegistered()) known.registered[known.registeredCount++] = claim;
            else known.witness[known.witnessCount++] = claim;
        }
    }

    /// @dev Of `blocks` blocks, by the coordinates that count them.
    function _scales(Known memory known, uint256 r, uint256 bits, uint256 blocks)
        private
        pure
        returns (Fp3[] memory scales)
    {
        uint256 place;
        (place, scales) = _find(known.scales, r, bits);
        if (!_isMissing(scales)) return scales;
        scales = Points.weights(r, bits);
        assembly ("memory-safe") {
            mstore(scales, blocks)
        }
        _put(place, scales);
    }

    /// @dev The place of n coordinates in a table by their hash, free or not, and what was put there: zero if nothing was. The hash is
    /// in the place from now on.
    function _find(uint256[] memory places, uint256 r, uint256 n)
        private
        pure
        returns (uint256 place, Fp3[] memory there)
    {
        assembly ("memory-safe") {
            let hash := keccak256(r, shl(5, n))
            let mask := sub(mload(places), 1)
            let at := and(shr(32, hash), mask)
            for {} 1 { at := and(add(at, 1), mask) } {
                place := add(add(places, 32), shl(5, at))
                there := mload(place)
                if iszero(there) {
                    mstore(place, shl(32, shr(32, hash)))
                    break
                }
                if iszero(shr(32, xor(there, hash))) { break }
            }
            there := and(there, 0xffffffff)
        }
    }

    /// @dev Puts a run of elements where _find() found a place for it.
    function _put(uint256 place, Fp3[] memory run) private pure {
        assembly ("memory-safe") {
            mstore(place, or(mload(place), run))
        }
    }

    function _isMissing(Fp3[] memory run) private pure returns (bool isMissing) {
        assembly ("memory-safe") {
            isMissing := iszero(run)
        }
    }
}
