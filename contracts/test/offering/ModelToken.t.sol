// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IERC7641} from "../../src/interfaces/IERC7641.sol";
import {IERC7641AltRevToken} from "../../src/interfaces/IERC7641AltRevToken.sol";
import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title ERC-20, permit, standard ids, and balances by epoch
contract ModelTokenTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private carol = makeAddr("carol");

    function setUp() public override {
        super.setUp();
        sellHalf(alice, bob);
    }

    /// The numbers are those of the ERC's text, not of this code.
    function test_ids_areTheStandards() public view {
        assertEq(IERC7641.claimableRevenue.selector, bytes4(0x2be2bb11));
        assertEq(IERC7641.claim.selector, bytes4(0x379607f5));
        assertEq(IERC7641.snapshot.selector, bytes4(0x9711715a));
        assertEq(IERC7641.redeemableOnBurn.selector, bytes4(0x24888f98));
        assertEq(IERC7641.burn.selector, bytes4(0x42966c68));
        assertEq(IERC7641AltRevToken.claimableERC20.selector, bytes4(0x41273d45));
        assertEq(IERC7641AltRevToken.redeemableERC20OnBurn.selector, bytes4(0x1c3fc4c3));
        assertTrue(token.supportsInterface(0xed7b2e4e));
        assertTrue(token.supportsInterface(0x5d18f986));
        assertTrue(token.supportsInterface(0x36372b07));
        assertTrue(token.supportsInterface(type(IERC20Permit).interfaceId));
        assertTrue(token.supportsInterface(type(IERC165).interfaceId));
        assertFalse(token.supportsInterface(0xffffffff));
    }

    function test_transfer_movesAndTells() public {
        vm.expectEmit();
        emit IERC20.Transfer(alice, carol, 5e18);
        vm.prank(alice);
        assertTrue(token.transfer(carol, 5e18));
        assertEq(token.balanceOf(alice), 119_995e18);
        assertEq(token.balanceOf(carol), 5e18);
    }

    function test_transfer_tooMuch_reverts() public {
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, alice, 120_000e18, 120_000e18 + 1
            )
        );
        // forge-lint: disable-next-line(erc20-unchecked-transfer)
        token.transfer(carol, 120_000e18 + 1);
    }

    function test_transfer_toZero_reverts() public {
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0))
        );
        // forge-lint: disable-next-line(erc20-unchecked-transfer)
        token.transfer(address(0), 1);
    }

    function test_transferFrom_spendsTheAllowance() public {
        vm.prank(alice);
        token.approve(bob, 10e18);
        vm.prank(bob);
        assertTrue(token.transferFrom(alice, carol, 4e18));
        assertEq(token.allowance(alice, bob), 6e18);
        vm.prank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, bob, 6e18, 7e18
            )
        );
        // forge-lint: disable-next-line(erc20-unchecked-transfer)
        token.transferFrom(alice, carol, 7e18);
    }

    function test_permit_approvesOnce() public {
        (address owner, uint256 key) = makeAddrAndKey("permit owner");
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, owner, 7e18, 0, deadline);
        token.permit(owner, bob, 7e18, deadline, v, r, s);
        assertEq(token.allowance(owner, bob), 7e18);
        assertEq(token.nonces(owner), 1);
        vm.expectPartialRevert(IModelToken.PermitSigner.selector);
        token.permit(owner, bob, 7e18, deadline, v, r, s);
    }

    function test_permit_late_reverts() public {
        (address owner, uint256 key) = makeAddrAndKey("permit owner");
        uint256 deadline = block.timestamp - 1;
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, owner, 7e18, 0, deadline);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.PermitExpired.selector, deadline));
        token.permit(owner, bob, 7e18, deadline, v, r, s);
    }

    /// Who gains: whoever replays a permit of one model's token at another's.
    function test_permit_ofAnotherToken_reverts() public {
        (address owner, uint256 key) = makeAddrAndKey("permit owner");
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, owner, 7e18, 0, END);
        IModelToken other = IModelToken(create(register(author, "x"), laterTerms()).token);
        assertNotEq(other.DOMAIN_SEPARATOR(), token.DOMAIN_SEPARATOR());
        vm.expectPartialRevert(IModelToken.PermitSigner.selector);
        other.permit(owner, bob, 7e18, END, v, r, s);
    }

    function test_epochs_areHalfOpen() public {
        vm.warp(START + EPOCH - 1);
        assertEq(token.currentEpoch(), 0);
        vm.warp(START + EPOCH);
        assertEq(token.currentEpoch(), 1);
        assertEq(token.epochStart(1), START + EPOCH);
    }

    function test_balanceAt_onlyFinishedEpochs() public {
        uint256 epoch = token.currentEpoch();
        bytes memory refusal =
            abi.encodeWithSelector(IModelToken.EpochNotFinished.selector, epoch, epoch);
        vm.expectRevert(refusal);
        token.balanceAt(alice, epoch);
        vm.expectRevert(refusal);
        token.eligibleSupplyAt(epoch);
        nextEpoch();
        assertEq(token.balanceAt(alice, epoch), 120_000e18);
        assertEq(token.eligibleSupplyAt(epoch), 200_000e18);
        assertEq(token.balanceAt(alice, epoch - 1), 0);
        assertEq(token.eligibleSupplyAt(epoch - 1), 0);
    }

    function test_eligibleSupply_followsExcludedHolders() public {
        uint256 epoch = token.currentEpoch();
        send(alice, poolManager, 50_000e18);
        nextEpoch();
        send(poolManager, carol, 20_000e18);
        vm.prank(bob);
        token.burn(1_000e18);
        nextEpoch();
        send(bob, address(token), 1_000e18);
        nextEpoch();
        assertEq(token.eligibleSupplyAt(epoch), 150_000e18);
        assertEq(token.eligibleSupplyAt(epoch + 1), 169_000e18);
        assertEq(token.eligibleSupplyAt(epoch + 2), 168_000e18);
    }

    /// @dev Random transfers among five holders, one of them excluded, over epochs; an array is the slow twin.
    function testFuzz_balances_matchArrays(uint256 seed) public {
        address[5] memory holders = [alice, bob, carol, poolManager, makeAddr("dave")];
        uint256[5] memory balances = [uint256(120_000e18), 80_000e18, 0, 0, 0];
        uint256[5][12] memory closings;
        uint256 first = token.currentEpoch();
        for (uint256 epoch = 0; epoch < 12; ++epoch) {
            for (; seed % 3 != 0; seed = uint256(keccak256(abi.encode(seed)))) {
                (uint256 from, uint256 to) = ((seed >> 8) % 5, (seed >> 16) % 5);
                uint256 amount = bound(seed >> 24, 0, balances[from]);
                send(holders[from], holders[to], amount);
                balances[from] -= amount;
                balances[to] += amount;
            }
            seed = uint256(keccak256(abi.encode(seed)));
            for (uint256 i = 0; i < 5; ++i) {
                closings[epoch][i] = balances[i];
            }
            nextEpoch();
        }
        for (uint256 epoch = 0; epoch < 12; ++epoch) {
            uint256 eligible = 0;
            for (uint256 i = 0; i < 5; ++i) {
                assertEq(token.balanceAt(holders[i], first + epoch), closings[epoch][i]);
                if (i != 3) eligible += closings[epoch][i];
            }
            assertEq(token.eligibleSupplyAt(first + epoch), eligible);
        }
    }

    function laterTerms() private view returns (IOfferingFactory.Terms memory terms) {
        terms = defaultTerms();
        terms.sale.start = 0;
    }

    function signPermit(uint256 key, address owner, uint256 value, uint256 nonce, uint256 deadline)
        private
        view
        returns (uint8, bytes32, bytes32)
    {
        // Written out from EIP-2612 and EIP-712.
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Story Model"),
                keccak256("1"),
                block.chainid,
                address(token)
            )
        );
        assertEq(token.DOMAIN_SEPARATOR(), domain);
        bytes32 hash = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                owner,
                bob,
                value,
                nonce,
                deadline
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, hash)));
    }
}
