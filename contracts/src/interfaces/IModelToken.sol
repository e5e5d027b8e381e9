// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IERC7641AltRevToken} from "./IERC7641AltRevToken.sol";

/// @title The share in a model
/// @notice ERC-20 with permit and ERC-7641. Time is cut into epochs; every balance is remembered as it stood at the
/// end of each epoch. `snapshot` pays revenue by the balances at the end of the last *finished* epoch: a boundary
/// lies between two blocks, so nobody can borrow a balance for it. Revenue is whatever arrived by plain transfer, ETH
/// or one of the revenue tokens fixed at creation. No owner, no mint, no pause.
/// @dev Assets are numbered: 0 is ETH (written address(0)), 1 and up are the revenue tokens, in `assets()` order.
/// Excluded holders (sale, treasury, the author's vesting vault, the token itself, others named at creation) earn
/// nothing. What the tokens still undelivered in the sale would have earned is not given to others: it stays
/// unbooked and counts again in the next snapshot; over several snapshots part of it goes to those who hold already, so
/// claims should be pushed soon after the sale (`claimMany`).
interface IModelToken is IERC7641AltRevToken, IERC20Metadata, IERC20Permit, IERC165 {
    /// @notice What a new token is made with.
    /// @param name ERC-20 name.
    /// @param symbol ERC-20 symbol.
    /// @param sale Receives `saleSupply`; excluded, and its balance counts as undelivered.
    /// @param saleSupply Base units (18 decimals).
    /// @param vault Receives `vaultSupply`; excluded.
    /// @param vaultSupply Base units.
    /// @param treasury Excluded.
    /// @param excluded Further excluded holders, for instance a pool manager.
    struct Genesis {
        string name;
        string symbol;
        address sale;
        uint256 saleSupply;
        address vault;
        uint256 vaultSupply;
        address treasury;
        address[] excluded;
    }

    /// @notice A booked snapshot.
    /// @param epoch The finished epoch whose closing balances it pays.
    /// @param eligible Sum of the balances that earn, at the end of that epoch.
    /// @param assets Bit i is set when asset i has something to claim.
    struct Snapshot {
        uint48 epoch;
        uint128 eligible;
        uint16 assets;
    }

    /// @notice A snapshot was booked. One `RevenueBooked` follows for every asset with revenue.
    event SnapshotTaken(uint256 indexed snapshotId, uint256 indexed epoch, uint256 eligible);
    /// @param asset address(0) for ETH.
    /// @param claimable Part that holders claim.
    /// @param redeemable Part that went to the redeem pool.
    event RevenueBooked(
        uint256 indexed snapshotId, address indexed asset, uint256 claimable, uint256 redeemable
    );
    event RevenueClaimed(
        address indexed account, uint256 indexed snapshotId, address indexed asset, uint256 amount
    );
    /// @notice Tokens were burned. One `Redeemed` follows for every asset that paid.
    event Burned(address indexed account, uint256 amount, address indexed receiver);
    event Redeemed(
        address indexed account, address indexed receiver, address indexed asset, uint256 amount
    );
    /// @notice A payment failed and is owed instead; see `withdrawOwed`.
    event PaymentOwed(address indexed account, address indexed asset, uint256 amount);
    event OwedWithdrawn(
        address indexed account, address indexed asset, address receiver, uint256 amount
    );

    error NotFactory(address caller);
    error AlreadyInitialized();
    error SnapshotTooEarly(uint256 epoch, uint256 nextAt);
    error NothingEligible(uint256 epoch);
    error UnknownSnapshot(uint256 snapshotId);
    error AlreadyClaimed(address account, uint256 snapshotId);
    error EpochNotFinished(uint256 epoch, uint256 current);
    error UnknownAsset(address asset);
    error NothingOwed(address account, address asset);
    error PaymentFailed(address receiver, address asset, uint256 amount);
    error ZeroReceiver();
    error OnlyToAccount(address account, address receiver);
    error RedeemedTooLittle(address asset, uint256 amount, uint256 minimum);
    error TooManyMinimums(uint256 count, uint256 assets);
    error PermitExpired(uint256 deadline);
    error PermitSigner(address signer, address owner);

    /// @notice Gives the new clone its storage; the factory calls it in the transaction of the deployment.
    function initialize(Genesis calldata genesis) external;

    /// @notice Pays `account` its revenue of a snapshot; anybody may call, only the account is paid.
    function claimFor(address account, uint256 snapshotId) external;

    /// @notice As `claimFor` for several snapshots in one payment per asset; those already claimed are passed over.
    function claimMany(address account, uint256[] calldata snapshotIds) external;

    /// @notice Burns the caller's tokens and pays the redemption to `receiver`.
    /// @param minOut Least amounts in the order of `assets()`; may be shorter, what is missing counts as zero.
    function burnTo(uint256 amount, address receiver, uint256[] calldata minOut) external;

    /// @notice Retries a failed payment. The account itself may name any receiver, everybody else only the account.
    function withdrawOwed(address account, address asset, address receiver) external;

    /// @notice The epoch now: (block.timestamp - genesis) / epochLength.
    function currentEpoch() external view returns (uint256);

    /// @notice First second of an epoch.
    function epochStart(uint256 epoch) external view returns (uint256);

    /// @notice Earliest unix second at which `snapshot` can be called; in the past when it can be called now.
    function nextSnapshotAt() external view returns (uint256);

    /// @notice Balance of `account` at the end of a finished epoch.
    function balanceAt(address account, uint256 epoch) external view returns (uint256);

    /// @notice Sum of the balances that earned, at the end of a finished epoch.
    function eligibleSupplyAt(uint256 epoch) external view returns (uint256);

    /// @notice Whether the holder earns nothing, by the rule fixed at creation.
    function isExcluded(address account) external view returns (bool);

    /// @notice Number of snapshots; the last id.
    function snapshotCount() external view returns (uint256);

    /// @notice The record of a snapshot; reverts for an unknown id.
    function snapshotOf(uint256 snapshotId) external view returns (Snapshot memory);

    /// @notice Whole claimable amount that a snapshot booked for an asset.
    function bookedAt(uint256 snapshotId, address asset) external view returns (uint256);

    /// @notice Whether `account` has claimed (all assets of) the snapshot.
    function hasClaimed(address account, uint256 snapshotId) external view returns (bool);

    /// @notice All assets: address(0), then the revenue tokens.
    function assets() external view returns (address[] memory);

    /// @notice Revenue of an asset that came in but is not booked yet.
    function unbookedRevenue(address asset) external view returns (uint256);

    /// @notice Booked but not yet paid amounts: open claims with what is owed, and the redeem pool.
    function reservesOf(address asset) external view returns (uint256 claimable, uint256 redeemable);

    /// @notice Amount of a failed payment that waits for `account`.
    function owedTo(address account, address asset) external view returns (uint256);

    /// @notice Share of revenue that is claimed, in basis points; the rest is redeemed by burning.
    function claimableBps() external view returns (uint256);

    function epochLength() external view returns (uint256);

    /// @notice First second of epoch 0.
    function genesis() external view returns (uint256);

    function modelId() external view returns (uint256);

    function factory() external view returns (address);

    /// @notice The sale that delivers the sold tokens.
    function sale() external view returns (address);
}
