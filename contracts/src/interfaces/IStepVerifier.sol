// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The referee of disputes: what a trace looks like, and one element of it
/// @notice Stateless. Every fact is proven against the model's root and the committed trace root; nothing is taken
/// from a player's word. docs/dispute.md has the trace, the tree, and the witness byte by byte.
interface IStepVerifier {
    /// @notice What a model's root is the hash of, behind its tag (src/imo/model/model_root.hpp).
    /// @param layersAndTail layers << 32 | index of the first operator that runs only where a token is chosen.
    struct ModelOpening {
        uint256 operatorCount;
        bytes32 operators;
        uint256 tensorCount;
        bytes32 tensors;
        uint256 tableCount;
        bytes32 tables;
        uint256 vocabularySize;
        bytes32 vocabulary;
        bytes32 tokenizer;
        uint256 contextLength;
        uint256 endToken;
        uint256 layersAndTail;
    }

    /// @notice What both sides agree on, and the trace that one of them committed to.
    /// @param promptHash keccak256 of the packed prompt tokens.
    /// @param promptCount Their number.
    /// @param outputHash keccak256 of the packed output tokens.
    /// @param outputCount Their number.
    /// @param outputPosition The contested output token; the trace has promptCount + outputPosition positions.
    struct Claim {
        bytes32 modelRoot;
        bytes32 traceRoot;
        bytes32 promptHash;
        bytes32 outputHash;
        uint256 promptCount;
        uint256 outputCount;
        uint256 outputPosition;
    }

    /// @notice Where the descent ended.
    /// @param leafIndex operator << leafBits | leaf.
    /// @param leafHash The node that the descent arrived at; zero where no leaf is claimed to be.
    /// @param element Number of the element in the leaf, counted from 0.
    struct Place {
        uint256 leafIndex;
        bytes32 leafHash;
        uint256 element;
    }

    /// @notice One question about an element of MatMul and its claimed sums.
    /// @param number A sum, which adds the products of up to SUM_COLUMNS columns to the one before it; or how many sums
    /// there are, for the element that follows from the last.
    /// @param sums SUM_BYTES each, two's complement.
    /// @param leaf The 256 bytes of the contested leaf when the question is the element, else empty.
    struct SumQuestion {
        uint256 number;
        bytes sums;
        bytes leaf;
    }

    error ModelMismatch(bytes32 expected, bytes32 opened);
    /// @dev The root is the hash of numbers that no program has: none, or over 32 bits.
    error NoModel(uint256 operatorCount, uint256 vocabularySize);
    error PositionsOutOfRange(uint256 positions, uint256 limit);
    error SiblingCount(uint256 count, uint256 expected);

    error NoLeaf(uint256 leafIndex);
    error ElementOutOfRange(uint256 element, uint256 elements);
    error BadLeafLength(uint256 length, uint256 expected);
    error LeafMismatch(bytes32 expected, bytes32 opened);
    error SumOutOfRange(uint256 number, uint256 sums);
    error NoSums(uint256 operator);

    // Faults of the program, as far as the witness has proven it: there is no element to be computed.
    error UnknownKind(uint256 operator, uint256 kind);
    error BadDescriptor(uint256 operator);
    error TensorTooLarge(uint256 operator, uint256 leaves, uint256 limit);
    error InputNotEarlier(uint256 operator, uint256 input);
    error WrongInputType(uint256 operator, uint256 input);
    error InputOutOfRange(uint256 operator, uint256 position, uint256 index);
    error ValueOutOfBounds(uint256 operator);
    error TensorOutOfRange(uint256 tensor, uint256 count);
    error RowOutOfRange(uint256 tensor, uint256 row);
    error TableOutOfRange(uint256 table, uint256 count);
    error EntryOutOfRange(uint256 table, uint256 entry);

    error OperatorMismatch(uint256 operator);
    error TraceMismatch(uint256 operator, uint256 leaf);
    error TensorMismatch(uint256 tensor);
    error RowMismatch(uint256 tensor, uint256 row);
    error TableMismatch(uint256 table);
    error EntryMismatch(uint256 table, uint256 leaf);
    error TokensMismatch(bytes32 expected, bytes32 opened);

    error WitnessTooShort(uint256 needed, uint256 length);
    error WitnessTooLong(uint256 used, uint256 length);

    /// @notice The root of a trace whose last operator, Argmax, chose `token`; a commitment must equal it. Reverts with
    /// ModelMismatch when the opening is not that of `modelRoot`, and with PositionsOutOfRange when there can be no such
    /// trace.
    /// @param leftSiblings One for each 1 bit of operatorCount - 1, from below; what lies to the right is padding.
    /// @return traceRoot The root.
    /// @return height Levels from a leaf to it.
    function rootOfChoice(
        bytes32 modelRoot,
        ModelOpening calldata model,
        uint256 positions,
        uint256 token,
        bytes32[] calldata leftSiblings
    ) external pure returns (bytes32 traceRoot, uint256 height);

    /// @notice Computes what a place must hold: a leaf with this element, zeros behind the tensor's end, or nothing.
    /// @param leaf The 256 bytes that are claimed to be the leaf there; empty where `place.leafHash` is zero.
    /// @param witness The openings that the step reads, in its order; see docs/dispute.md.
    /// @return isRight Whether there is a leaf exactly where there must be one, and the claimed element equals the computed
    /// one.
    function step(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        bytes calldata leaf,
        bytes calldata witness
    ) external pure returns (bool isRight);

    /// @notice Computes one of the sums that an element of MatMul was divided into, or the element from the last of them.
    /// @param question Which one, what was claimed of it, and the claimed sums.
    /// @param witness As in `step`, but of the row of activations only the part that this sum adds up, none for the
    /// element; and none of the row nor of the weights when the sums are not as many as the row has.
    /// @return isRight Whether the sums are as many as the row has, and this one, or the element, equals the computed one.
    function stepSum(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        SumQuestion calldata question,
        bytes calldata witness
    ) external pure returns (bool isRight);
}
