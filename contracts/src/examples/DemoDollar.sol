// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Play money with six decimals, as dollar coins have
/// @notice For development chains and the demo: anybody mints any amount, so it is worth nothing. It can be paid by signature
/// (EIP-3009), as x402 does.
contract DemoDollar is ERC3009 {
    constructor() ERC20("Demo Dollar", "dUSD") EIP712("Demo Dollar", "1") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice Mints `amount` to `to`. By anybody.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
