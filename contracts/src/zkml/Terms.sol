// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {ProductSum} from "./ProductSum.sol";

// What terms of sums of products are written with.

function formOf(uint256 column, uint256[] memory coordinates)
    pure
    returns (ProductSum.Form memory form)
{
    form.columns = new uint256[](1);
    form.columns[0] = column;
    form.scales = new Fp3[](1);
    form.scales[0] = ONE;
    form.coordinates = coordinates;
}

function formOf(Circuit.Limbs memory limbs, uint256[] memory coordinates)
    pure
    returns (ProductSum.Form memory form)
{
    form.columns = limbs.columns;
    form.scales = new Fp3[](limbs.columns.length);
    for (uint256 i; i < limbs.columns.length; ++i) {
        form.scales[i] = powerOfTwo(16 * i);
    }
    form.coordinates = coordinates;
}

function forms(ProductSum.Form memory a) pure returns (ProductSum.Form[] memory all) {
    all = new ProductSum.Form[](1);
    all[0] = a;
}

function forms(ProductSum.Form memory a, ProductSum.Form memory b)
    pure
    returns (ProductSum.Form[] memory all)
{
    all = new ProductSum.Form[](2);
    (all[0], all[1]) = (a, b);
}

function list(uint256 a) pure returns (uint256[] memory words) {
    words = new uint256[](1);
    words[0] = a;
}

function list(uint256 a, uint256 b) pure returns (uint256[] memory words) {
    words = new uint256[](2);
    (words[0], words[1]) = (a, b);
}

function list(uint256 a, uint256 b, uint256 d) pure returns (uint256[] memory words) {
    words = new uint256[](3);
    (words[0], words[1], words[2]) = (a, b, d);
}

function list(uint256 a, uint256 b, uint256 d, uint256 e) pure returns (uint256[] memory words) {
    words = new uint256[](4);
    (words[0], words[1], words[2], words[3]) = (a, b, d, e);
}

function allVariables(uint256 variables) pure returns (uint256[] memory) {
    return list(ProductSum.variables(0, variables));
}

function powerOfTwo(uint256 exponent) pure returns (Fp3) {
    return Fp3.wrap(1 << (128 + exponent));
}

function minus(Fp3 a) pure returns (Fp3) {
    return ZERO - a;
}

/// @dev Two runs of coordinates, one behind the other.
function join(uint256 r, uint256 count, uint256 r2, uint256 count2)
    pure
    returns (Fp3[] memory point)
{
    point = new Fp3[](count + count2);
    assembly ("memory-safe") {
        mcopy(add(point, 32), r, shl(5, count))
        mcopy(add(add(point, 32), shl(5, count)), r2, shl(5, count2))
    }
}

/// @dev Entry l is eq(layer, l) factors[l]; without factors they are one.
function layerEntries(uint256 layer, uint256 bits, uint256 layers, uint256[] memory factors)
    pure
    returns (uint256[] memory entries)
{
    Fp3[] memory weights = Points.weights(layer, bits);
    entries = new uint256[](2 * layers);
    for (uint256 l; l < layers; ++l) {
        Fp3 weight = weights[l];
        if (factors.length != 0) weight = weight * Fp3.wrap(factors[l] << 128);
        entries[2 * l] = l;
        entries[2 * l + 1] = Fp3.unwrap(weight);
    }
}

function noFactors() pure returns (uint256[] memory none) {}
