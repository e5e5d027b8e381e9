// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Play money with six decimals, as dollar coins have
/// @notice For development chains and the demo: anybody mints any amount, so it is worth nothing.
contract DemoDollar is ERC20 {
    constructor() ERC20("Demo Dollar", "dUSD") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice Mints `amount` to `to`. By anybody.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
