// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Circuit} from "../../src/zkml/Circuit.sol";
import {Fp3, ONE, ZERO, fp3, isCanonical, sumOfProducts} from "../../src/zkml/Fp3.sol";
import {Goldilocks} from "../../src/zkml/Goldilocks.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {ProofTree} from "../../src/zkml/ProofTree.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";
import {WhirBinding} from "../../src/zkml/WhirBinding.sol";
import {WhirWeights} from "../../src/zkml/WhirWeights.sol";

/// Fp3: by the letter of the document, one product at a time; the laws of a field; no word of two meanings
/// Transcript: the golden challenge of the C++ test; each byte read once; short, long and idle proofs by name
/// ProofTree: against a tree that is computed whole
/// Circuit: the rates of the C++ test
/// WhirWeights: points of codes, one root at a time
contract ProofPartsTest is Test {
    using Circuit for Circuit.Builder;
    using Transcript for Transcript.Reader;

    uint256 private constant P = Goldilocks.MODULUS;

    function any(uint256 seed) private pure returns (Fp3) {
        uint256[3] memory words;
        for (uint256 i; i < 3; ++i) {
            uint256 s = uint256(keccak256(abi.encode(seed, i)));
            words[i] = s % 4 == 0 ? P - 1 - s / 4 % 3 : s % 4 == 1 ? s / 4 % 3 : s % P;
        }
        return fp3(words[0], words[1], words[2]);
    }

    /// @dev a * b, coefficient by coefficient.
    function slowProduct(Fp3 a, Fp3 b) private pure returns (Fp3) {
        uint256[3] memory x;
        uint256[3] memory y;
        (x[0], x[1], x[2]) = a.parts();
        (y[0], y[1], y[2]) = b.parts();
        uint256[5] memory sums;
        for (uint256 i; i < 3; ++i) {
            for (uint256 j; j < 3; ++j) {
                sums[i + j] = addmod(sums[i + j], mulmod(x[i], y[j], P), P);
            }
        }
        return fp3(sums[0] + 2 * sums[3], sums[1] + 2 * sums[4], sums[2]);
    }

    function test_literals() public pure {
        assertEq(Fp3.unwrap(fp3(P, P + 1, 2)), 1 << 64 | 2);
        assertTrue(fp3(0, 0, 1) * fp3(0, 0, 1) == fp3(0, 2, 0));
        assertTrue(fp3(0, 1, 0) * fp3(0, 0, 1) == fp3(2, 0, 0));
        assertTrue(ZERO - ONE == fp3(P - 1, 0, 0));
        assertEq(Goldilocks.pow(7, (1 << 32) - 1), Goldilocks.ROOT);
        assertEq(Goldilocks.pow(Goldilocks.ROOT, 1 << 31), P - 1);
        assertEq(mulmod(Goldilocks.inverse(2), 2, P), 1);
    }

    function test_field(uint256 seedA, uint256 seedB, uint256 seedC) public pure {
        Fp3 a = any(seedA);
        Fp3 b = any(seedB);
        Fp3 c = any(seedC);
        assertTrue(a * b == slowProduct(a, b));
        assertTrue(a.mulAdd(b, c) == slowProduct(a, b) + c);
        assertTrue(a * (b + c) == a * b + a * c);
        assertTrue(a - b + b == a);
        assertTrue(a - a == ZERO);
        assertTrue(a.twice() == a + a);
        if (a != ZERO) assertTrue(a * a.inverse() == ONE);
    }

    function sumOfSome(Fp3[] memory a, uint256 fromA, Fp3[] memory b, uint256 fromB, uint256 count)
        external
        pure
        returns (Fp3)
    {
        return sumOfProducts(a, fromA, b, fromB, count);
    }

    function test_sum_of_products() public {
        Fp3[] memory a = new Fp3[](9);
        Fp3[] memory b = new Fp3[](7);
        for (uint256 i; i < 9; ++i) {
            a[i] = any(i);
            b[i % 7] = any(i + 9);
        }
        Fp3 sum;
        for (uint256 count; count <= 5; ++count) {
            assertTrue(this.sumOfSome(a, 4, b, 2, count) == sum);
            if (count < 5) sum = sum + slowProduct(a[4 + count], b[2 + count]);
        }
        vm.expectRevert(ProofErrors.BadRange.selector);
        this.sumOfSome(a, 3, b, 2, 6);
        vm.expectRevert(ProofErrors.BadRange.selector);
        this.sumOfSome(a, 8, b, 0, 2);
    }

    function test_canonical(uint256 word, uint256 lane, uint64 excess) public pure {
        word >>= 64;
        bool each = true;
        for (uint256 i; i < 3; ++i) {
            each = each && (word >> (64 * i) & type(uint64).max) < P;
        }
        assertEq(isCanonical(word), each);
        uint256 shift = 64 * (lane % 3);
        word &= ~(uint256(type(uint64).max) << shift);
        assertFalse(isCanonical(word | (P + excess % (1 << 32 - 1)) << shift));
    }

    function test_canonical_edges() public pure {
        for (uint256 shift; shift < 192; shift += 64) {
            assertTrue(isCanonical((P - 1) << shift));
            assertFalse(isCanonical(P << shift));
            assertFalse(isCanonical(uint256(type(uint64).max) << shift));
        }
        assertTrue(isCanonical((P - 1) << 128 | (P - 1) << 64 | (P - 1)));
    }

    function invert(uint256 a) external pure returns (uint256) {
        return Goldilocks.inverse(a);
    }

    function bind(bytes24 value) external pure returns (Fp3) {
        return WhirBinding.registered(
            bytes32(uint256(1)), bytes26(uint208(2)), bytes32(uint256(3)), value
        )
        .value;
    }

    /// @dev A key says what the weights are at a point in one way only.
    function test_keys_are_canonical() public {
        uint192 p = 0xffffffff00000001;
        assertEq(Fp3.unwrap(this.bind(bytes24((p - 1) << 64))), (P - 1) << 64);
        vm.expectRevert(ProofErrors.BadShape.selector);
        this.bind(bytes24(p << 64));
    }

    function test_zero_has_no_inverse() public {
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(ProofErrors.InverseOfZero.selector);
            this.invert(i * P);
        }
    }

    // Transcript

    function firstChallenge(bytes calldata proof) external pure returns (uint256) {
        return Fp3.unwrap(Transcript.open("imo.test.v1", "", proof).challenge());
    }

    /// @dev The value of src/imo/zkml/transcript_test.cpp.
    function test_golden_challenge() public view {
        assertEq(this.firstChallenge(""), 0x733fc6c084e9345796cf5b49314b85bb78c02c9286a71716);
    }

    function indices(uint256 count, uint256 bits) external pure returns (uint256[] memory) {
        bytes calldata none = msg.data[:0];
        return Transcript.open("p", "s", none).challengeIndices(count, bits);
    }

    function test_indices() public {
        bytes32 state = keccak256(abi.encode(keccak256("p"), keccak256("s")));
        uint256[] memory drawn = this.indices(13, 20); // 12 of 20 bits fit one state
        for (uint256 i; i < 13; ++i) {
            if (i % 12 == 0) state = keccak256(abi.encode(state));
            assertEq(drawn[i], (uint256(state) >> (236 - 20 * (i % 12))) & 0xfffff);
        }
        assertEq(this.indices(0, 1).length, 0);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadIndexBits.selector, 0));
        this.indices(1, 0);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.BadIndexBits.selector, 33));
        this.indices(1, 33);
    }

    /// @dev Reads every kind of element; 24 + 8 + 26 + 8 bytes.
    function readAll(bytes calldata proof, uint256 bits) external pure {
        Transcript.Reader memory reader = Transcript.open("p", "s", proof);
        reader.readFp3();
        reader.readFp();
        reader.readDigest();
        reader.checkGrinding(bits);
        reader.finish();
    }

    /// @dev A proof for readAll with 4 bits of work.
    function worked() private pure returns (bytes memory proof) {
        bytes memory said = new bytes(58);
        bytes32 state = keccak256(abi.encode(keccak256("p"), keccak256("s")));
        state = keccak256(bytes.concat(state, said));
        bytes8 nonce;
        while (uint256(keccak256(abi.encodePacked(state, nonce))) >> 252 != 0) {
            nonce = bytes8(uint64(nonce) + 1);
        }
        proof = bytes.concat(said, nonce);
    }

    function test_faults_have_names() public {
        bytes memory proof = worked();
        this.readAll(proof, 4);
        for (uint256 size; size < 66; ++size) {
            bytes memory short = new bytes(size);
            for (uint256 i; i < size; ++i) {
                short[i] = proof[i];
            }
            uint256 offset = size < 24 ? 0 : size < 32 ? 24 : size < 58 ? 32 : 58;
            vm.expectRevert(abi.encodeWithSelector(ProofErrors.ProofTooShort.selector, offset));
            this.readAll(short, 4);
        }
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.ProofTooLong.selector, 66));
        this.readAll(bytes.concat(proof, hex"00"), 4);
        vm.expectRevert(abi.encodeWithSelector(ProofErrors.ProofTooLong.selector, 58));
        this.readAll(proof, 0);
        for (uint256 word; word < 4; ++word) {
            bytes memory changed = bytes.concat(proof);
            for (uint256 i; i < 8; ++i) {
                changed[8 * word + i] = 0xff;
            }
            uint256 offset = word < 3 ? 0 : 24;
            vm.expectRevert(abi.encodeWithSelector(ProofErrors.NotCanonical.selector, offset));
            this.readAll(changed, 4);
        }
    }

    function test_idle_nonces_are_refused() public {
        bytes memory proof = worked();
        uint256 accepted;
        for (uint256 i; i < 256; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast) below 256
            proof[60] = bytes1(uint8(i));
            (bool isAccepted, bytes memory data) =
                address(this).staticcall(abi.encodeCall(this.readAll, (proof, 4)));
            if (isAccepted) ++accepted;
            else assertEq(data, abi.encodeWithSelector(ProofErrors.WorkMissing.selector, 58));
        }
        assertGt(accepted, 0);
        assertLt(accepted, 64); // 16 are to be expected
    }

    // ProofTree

    bytes32 private constant DIGEST = ~bytes32(uint256(2 ** 48 - 1));

    function checkTree(bytes32 root, uint256 height, bytes32[] memory nodes, bytes calldata proof)
        external
        pure
        returns (bytes32[] memory after_)
    {
        Transcript.Reader memory reader = Transcript.open("p", "s", proof);
        after_ = new bytes32[](1); // memory behind the nodes, which must not change
        after_[0] = ~bytes32(0);
        ProofTree.check(reader, root, height, nodes);
        reader.finish();
    }

    /// @dev A tree computed whole, the nodes to open and their siblings.
    function opened(uint256 seed, uint256 height)
        private
        pure
        returns (bytes32 root, bytes32[] memory nodes, bytes memory siblings)
    {
        bytes32[] memory level = new bytes32[](1 << height);
        bool[] memory isKnown = new bool[](level.length);
        nodes = new bytes32[](level.length);
        uint256 count;
        for (uint256 i; i < level.length; ++i) {
            level[i] = keccak256(abi.encode(seed, i)) & DIGEST;
            isKnown[i] = i == seed % level.length || uint256(level[i]) >> 254 == 0;
            if (isKnown[i]) nodes[count++] = level[i] | bytes32(i);
        }
        assembly ("memory-safe") {
            mstore(nodes, count)
        }
        for (uint256 size = level.length; size > 1; size /= 2) {
            for (uint256 i; i < size; i += 2) {
                if (isKnown[i] != isKnown[i + 1]) {
                    siblings = bytes.concat(siblings, bytes26(level[isKnown[i] ? i + 1 : i]));
                }
                level[i / 2] =
                    keccak256(bytes.concat(bytes26(level[i]), bytes26(level[i + 1]))) & DIGEST;
                isKnown[i / 2] = isKnown[i] || isKnown[i + 1];
            }
        }
        root = level[0];
    }

    function test_tree(uint256 seed, uint256 height) public {
        height %= 7;
        (bytes32 root, bytes32[] memory nodes, bytes memory siblings) = opened(seed, height);
        assertEq(this.checkTree(root, height, nodes, siblings)[0], ~bytes32(0));
        nodes[seed % nodes.length] ^= bytes32(uint256(1 << 48));
        bytes memory refusal =
            abi.encodeWithSelector(ProofErrors.RootMismatch.selector, siblings.length);
        vm.expectRevert(refusal);
        this.checkTree(root, height, nodes, siblings);
        nodes[seed % nodes.length] ^= bytes32(uint256(1 << 48));
        if (siblings.length == 0) return;
        siblings[seed % siblings.length] ^= 0x01;
        vm.expectRevert(refusal);
        this.checkTree(root, height, nodes, siblings);
        siblings = new bytes(siblings.length - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ProofErrors.ProofTooShort.selector, siblings.length - 25)
        );
        this.checkTree(root, height, nodes, siblings);
    }

    // Codes.

    /// One root at a time.
    function test_code_points(uint32 row) public pure {
        uint256 root = Goldilocks.ROOT;
        uint256 x = 1;
        for (uint256 j = 32; j > 0; --j) {
            if (row >> (j - 1) & 1 == 1) x = mulmod(x, root, P);
            root = mulmod(root, root, P);
        }
        uint256 table = WhirWeights.codePoints();
        assertEq(WhirWeights.codePoint(table, row), x);
    }

    /// The same as in circuit_test.cpp.
    /// @dev 2^bits cells for each of some layers.
    function layered(Circuit.Builder memory b, uint256 bits, uint256 layers, uint256 layerBits)
        private
        pure
        returns (uint256)
    {
        return b.witness(boxOf(b, bits, layers, layerBits, true));
    }

    function boxOf(
        Circuit.Builder memory b,
        uint256 bits,
        uint256 layers,
        uint256 layerBits,
        bool isLayered
    ) private pure returns (Circuit.Box memory made) {
        (uint256[] memory all, uint256[] memory bounds) = (new uint256[](2), new uint256[](2));
        (all[0], all[1]) = (bits, layerBits);
        (bounds[0], bounds[1]) = (1 << bits, layers);
        made = b.box(all, bounds);
        made.isLayered = isLayered;
    }

    function assertColumn(
        Circuit.Builder memory b,
        uint256 id,
        uint256 offset,
        uint256 block_,
        uint256 blocks
    ) private pure {
        assertEq(b.columns[id].offset(), offset);
        assertEq(b.columns[id].blockVariables(), block_);
        assertEq(b.columns[id].blocks(), blocks);
    }

    /// @dev The same as in circuit_test.cpp, which says how it is counted.
    function test_columns_are_whole_where_there_is_room() public pure {
        Circuit.Builder memory b = Circuit.create(5, 3);
        uint256 plain = b.witness(boxOf(b, 13, 1, 0, false));
        uint256 large = layered(b, 10, 5, 3);
        uint256 small = layered(b, 5, 5, 3);
        layered(b, 5, 5, 3);
        layered(b, 5, 5, 3);
        (uint256 end,) = b.place();
        assertColumn(b, plain, 0, 13, 1);
        assertColumn(b, large, 8192, 10, 5);
        for (uint256 i; i < 3; ++i) {
            assertColumn(b, small + i, 13_312 + 256 * i, 8, 1);
        }
        assertEq(end, 14_080);
    }

    function test_columns_have_as_few_blocks_as_their_layers_allow() public pure {
        Circuit.Builder memory b = Circuit.create(6, 3);
        uint256 six = layered(b, 9, 6, 3);
        uint256 plain = b.witness(boxOf(b, 9, 1, 0, false));
        b.place();
        assertColumn(b, six, 0, 10, 3);
        assertColumn(b, plain, 3072, 9, 1);
        b = Circuit.create(8, 3);
        uint256 eight = layered(b, 4, 8, 3);
        b.place();
        assertColumn(b, eight, 0, 7, 1);
    }

    function test_rates() public pure {
        uint256[9] memory sizes = [uint256(8), 20, 21, 22, 23, 24, 25, 26, 28];
        uint256[9] memory witness = [uint256(5), 5, 4, 3, 3, 3, 3, 3, 3];
        uint256[9] memory registered = [uint256(7), 7, 7, 7, 7, 7, 6, 5, 5];
        uint256[9] memory folded = [uint256(6), 6, 6, 5, 4, 4, 4, 4, 4];
        for (uint256 i; i < sizes.length; ++i) {
            assertEq(Circuit.witnessRate(sizes[i]), witness[i]);
            assertEq(Circuit.registeredRate(sizes[i]), registered[i]);
            assertEq(Circuit.foldedRate(sizes[i]), folded[i]);
        }
    }
}
