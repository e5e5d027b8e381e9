// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {Points} from "./Points.sol";
import {TermSum} from "./TermSum.sol";

/// @title The terms of attention's equations
/// @notice The twin of src/imo/zkml/model_circuit_attention.cpp.
library AttentionTerms {
    using TermSum for TermSum.Sum;

    /// @dev With (x, y) a pair of elements, cos and sin of its angle: x cos - y sin, and x sin + y cos.
    function rope(TermSum.Sum memory s, ModelCircuit.Activation memory from) internal pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 headBits = from.box.bits[1];
        (Fp3 first, Fp3 second) = _turn(s);
        Fp3 product = first * _element(s, from, _cell(s, headBits, 0));
        product = second.mulAdd(_element(s, from, _cell(s, headBits, 1)), product);
        uint256 pairBits = b.head - 1;
        product = product * Points.equal(s.c.rho + 32, s.r, pairBits);
        uint256 position = s.c.rho + 32 * (b.head + headBits);
        product = product * Points.equal(position, s.r + 32 * pairBits, b.position);
        s.add(pairBits + b.position, product);
        s.next();
    }

    /// @dev What both elements of a pair are multiplied by. Which of them comes out is rho's first coordinate.
    function _turn(TermSum.Sum memory s) private pure returns (Fp3, Fp3) {
        ModelCircuit.Bits memory b = s.c.m.bits;
        // Positions of the answer are the tables' first ones.
        uint256 count = b.context - b.position;
        uint256 zeros = Points.start(new Fp3[](count));
        Fp3[] memory point = s.join(s.r, b.head - 1 + b.position, zeros, count);
        Fp3 cosine = s.value(s.c.m.registered.cosines, point);
        Fp3 sine = s.value(s.c.m.registered.sines, point);
        Fp3 second = Points.coordinate(s.c.rho, 0);
        Fp3 first = ONE - second;
        return (first.mulAdd(cosine, second * sine), second * cosine - first * sine);
    }

    /// @dev An element of a pair.
    /// @param cell See _cell(); position and layer follow.
    function _element(TermSum.Sum memory s, ModelCircuit.Activation memory from, Fp3[] memory cell)
        private
        pure
        returns (Fp3)
    {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 layer = s.c.rho + 32 * (cell.length + b.position);
        uint256 position = s.r + 32 * (b.head - 1);
        cell = s.join(Points.start(cell), cell.length, position, b.position, layer, b.layer);
        return s.value(from.values, cell);
    }

    /// @dev The lowest coordinates of an element: which of its pair, the pair, the head.
    function _cell(TermSum.Sum memory s, uint256 headBits, uint256 which)
        private
        pure
        returns (Fp3[] memory)
    {
        uint256 head = s.c.m.bits.head;
        Fp3[] memory bit = new Fp3[](1);
        bit[0] = Fp3.wrap(which << 128);
        return Points.join(Points.start(bit), 1, s.r, head - 1, s.c.rho + 32 * head, headBits);
    }

    function scores(TermSum.Sum memory s) internal pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 first = b.head + b.heads;
        uint256 heads = s.c.rho + 64 * b.position;
        Fp3 product = _scored(s, first);
        // What cells behind a head's last element hold has no say.
        product = product * Points.below(s.c.m.shape.head, s.r, b.head);
        product = product * Points.equal(s.r + 32 * b.head, heads, b.heads);
        uint256 layers = s.r + 32 * first;
        product = product * s.layers(layers, heads + 32 * b.heads, b.layer, s.c.m.attention.factors);
        s.add(first + b.layer, product);
        s.next();
    }

    /// @dev Query and key, in variables for element, head and, from `first` on, layer.
    function _scored(TermSum.Sum memory s, uint256 first) private pure returns (Fp3) {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 layers = s.r + 32 * first;
        Fp3[] memory point =
            s.join(s.r, first, s.c.rho + 32 * b.position, b.position, layers, b.layer);
        Fp3 query = s.value(s.c.m.turnedQuery.values, point);
        point = _keyPoint(s, s.r, s.r + 32 * b.head, s.c.rho, layers);
        return query * s.value(s.c.m.turnedKey.values, point);
    }

    /// @dev A point of keys or values: element, head, position and layer. At `heads` are the coordinates of a query's head, of
    /// which the first ones say its number within its group.
    function _keyPoint(
        TermSum.Sum memory s,
        uint256 element,
        uint256 heads,
        uint256 position,
        uint256 layers
    ) private pure returns (Fp3[] memory) {
        ModelCircuit.Bits memory b = s.c.m.bits;
        Fp3[] memory cell = Points.join(element, b.head, heads + 32 * b.group, b.heads - b.group);
        uint256 count = b.head + b.heads - b.group;
        return s.join(Points.start(cell), count, position, b.position, layers, b.layer);
    }

    /// @dev 2^44 - r Z, Z the sum of a row.
    function mixReciprocal(TermSum.Sum memory s) internal pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        ModelCircuit.Attention memory a = s.c.m.attention;
        uint256 inLayer = b.position + b.heads;
        uint256 row = s.r + 32 * b.position;
        uint256 all = a.cells.variables;
        Fp3 product = s.limbs(a.reciprocal, s.part(b.position, a.rows.variables));
        product = product * s.value(a.exp, s.part(0, all));
        product = product * Points.equal(row, s.c.rho, inLayer);
        product = product * s.layers(row + 32 * inLayer, s.c.rho + 32 * inLayer);
        s.add(all, ZERO - product);
        s.next();
        s.next();
    }

    /// @dev Reciprocal, exp and value, in variables for key, query, head and layer.
    function mix(TermSum.Sum memory s) internal pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        ModelCircuit.Attention memory a = s.c.m.attention;
        // At rho: element, head, position, layer.
        uint256 heads = s.c.rho + 32 * b.head;
        uint256 position = heads + 32 * b.heads;
        uint256 row = s.r + 32 * b.position;
        Fp3 product = _mixed(s, row + 32 * b.position);
        product = product * Points.equal(row, position, b.position);
        product = product * Points.equal(row + 32 * b.position, heads, b.heads);
        product = product
            * s.layers(
                row + 32 * (b.position + b.heads),
                position + 32 * b.position,
                b.layer,
                s.c.m.mixed.factors
            );
        s.add(a.cells.variables, product);
        s.next();
    }

    /// @param heads Where the coordinates of the head are.
    function _mixed(TermSum.Sum memory s, uint256 heads) private pure returns (Fp3 product) {
        ModelCircuit.Bits memory b = s.c.m.bits;
        ModelCircuit.Attention memory a = s.c.m.attention;
        product = s.limbs(a.reciprocal, s.part(b.position, a.rows.variables));
        product = product * s.value(a.exp, s.part(0, a.cells.variables));
        Fp3[] memory point = _keyPoint(s, s.c.rho, heads, s.r, heads + 32 * b.heads);
        return product * s.value(s.c.m.value.values, point);
    }

    /// @dev A key with the maximum has no difference and is no later one; what is beyond the table, or later, is 0.
    function maximum(TermSum.Sum memory s) internal pure {
        ModelCircuit.Attention memory a = s.c.m.attention;
        uint256 all = a.cells.variables;
        uint256 bits = s.c.m.bits.position;
        Fp3[] memory point = s.part(0, all);
        Fp3 here = Points.equal(s.c.rho, s.r, all);
        Fp3 earlier = here * Points.causalBelow(1 << bits, s.r, s.r + 32 * bits, bits);
        Fp3 later = here - earlier;
        Fp3 isMaximum = s.value(a.isMaximum, point);
        Fp3 beyond = s.limbs(a.beyondTable, point);
        Fp3 difference = beyond + s.value(a.expRow, point);
        s.add(all, isMaximum * difference.mulAdd(earlier, later));
        s.next();
        s.next();
        Fp3 exp = s.value(a.exp, point);
        s.add(all, exp * beyond * earlier);
        s.next();
        s.add(all, exp * later);
        s.next();
    }
}
