// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "./Fp3.sol";
import {Transcript} from "./Transcript.sol";

/// @title What binds a commitment to one codeword
/// @notice docs/proof.md, "WHIR", is normative ("Commit").
library WhirBinding {
    using Transcript for Transcript.Reader;

    /// @notice The claim that the vector's univariate polynomial is `value` at `point`.
    struct OutOfDomain {
        Fp3 point;
        Fp3 value;
    }

    /// @notice Comes after the root is known, and before any challenge that a claim depends on.
    function bind(Transcript.Reader memory reader)
        internal
        pure
        returns (OutOfDomain memory binding)
    {
        binding.point = reader.challenge();
        binding.value = reader.readFp3();
    }
}
