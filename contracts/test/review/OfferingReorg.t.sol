// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {OfferingFixture} from "../offering/OfferingFixture.sol";

/// A bid is money sent to an address. After a reorganisation that address must hold the same offering or nothing:
/// ├── another model's, or other terms of the same model → other addresses, all four
/// ├── the same terms in a later block → the same addresses
/// └── a vault → its address says whose it is and how it vests
contract OfferingReorgTest is OfferingFixture {
    address private thief = makeAddr("thief");
    uint256 private honest;
    uint256 private other;

    function setUp() public override {
        super.setUp();
        honest = register(author, "honest");
        other = register(thief, "other");
    }

    function assertDisjoint(IOfferingFactory.Offering memory a, IOfferingFactory.Offering memory b)
        private
        pure
    {
        address[4] memory left = [a.token, a.sale, a.vault, a.treasury];
        address[4] memory right = [b.token, b.sale, b.vault, b.treasury];
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = 0; j < 4; ++j) {
                assertNotEq(left[i], right[j]);
            }
        }
    }

    function test_reorg_anotherModelGetsOtherAddresses() public {
        uint256 fork = vm.snapshotState();
        IOfferingFactory.Offering memory before = create(honest, defaultTerms());
        vm.revertToState(fork);
        assertDisjoint(before, create(other, defaultTerms()));
    }

    function test_reorg_otherTermsGetOtherAddresses() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        uint256 fork = vm.snapshotState();
        IOfferingFactory.Offering memory before = create(honest, terms);
        vm.revertToState(fork);
        terms.vesting.cliff += 1;
        assertDisjoint(before, create(honest, terms));
    }

    /// Who loses: bidders whose bid arrives after the offering moved to a later block.
    function test_reorg_laterBlockKeepsTheAddresses() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = 0;
        uint256 fork = vm.snapshotState();
        IOfferingFactory.Offering memory before = create(honest, terms);
        vm.revertToState(fork);
        create(other, defaultTerms());
        vm.warp(START + 12);
        assertEq(abi.encode(create(honest, terms)), abi.encode(before));
    }

    /// Who loses: whoever sends tokens to a vault that is another's after a reorganisation.
    function test_reorg_vaultIsItsTerms() public {
        uint256 fork = vm.snapshotState();
        address before = factory.createVault(modelId, author, END, 0, 30 days);
        vm.revertToState(fork);
        assertNotEq(factory.createVault(modelId, thief, END, 0, 30 days), before);
        assertEq(factory.createVault(modelId, author, END, 0, 30 days), before);
        assertEq(factory.createVault(modelId, author, END, 0, 30 days), before, "made once");
    }
}
