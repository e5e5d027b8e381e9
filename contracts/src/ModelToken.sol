// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {EpochToken} from "./EpochToken.sol";
import {IERC7641} from "./interfaces/IERC7641.sol";
import {IERC7641AltRevToken} from "./interfaces/IERC7641AltRevToken.sol";
import {IModelToken} from "./interfaces/IModelToken.sol";
import {CloneArgs} from "./libraries/CloneArgs.sol";
import {EpochHistory} from "./libraries/EpochHistory.sol";
import {Payment} from "./libraries/Payment.sol";

/// @title The share in a model
/// @notice Rules and meanings are in IModelToken.
/// @dev For every asset: balance >= open claims + owed + redeem pool; what exceeds that is revenue not yet booked.
/// All division rounds down, so sums never exceed what was booked.
contract ModelToken is EpochToken, ReentrancyGuardTransient {
    using EpochHistory for EpochHistory.History;
    using SafeCast for uint256;

    /// @param claimable Booked for claims and not yet paid, with what is owed.
    /// @param redeemable The pool that burners share.
    struct Pool {
        uint128 claimable;
        uint128 redeemable;
    }

    uint256 private constant BPS = 10_000;

    uint256 public snapshotCount;
    mapping(uint256 asset => Pool) private _pools;
    mapping(uint256 snapshotId => Snapshot) private _snapshots;
    mapping(uint256 snapshotId => mapping(uint256 asset => uint256)) private _booked;
    mapping(address account => mapping(uint256 word => uint256)) private _claimed;
    mapping(address account => mapping(uint256 asset => uint256)) private _owed;

    constructor(address factory_) EpochToken(factory_) {}

    /// @notice ETH that arrives is revenue. Takes some 3,000 gas, most of it to reach the code behind the clone, so a
    /// sender must give more than the 2,300 of Solidity's old `transfer`.
    receive() external payable {}

    /// @inheritdoc IERC7641
    function snapshot() external nonReentrant returns (uint256 snapshotId) {
        uint256 nextAt = nextSnapshotAt();
        uint256 current = currentEpoch();
        if (current == 0 || _isRecorded(current - 1)) revert SnapshotTooEarly(current, nextAt);
        uint256 eligible = _eligible.lookup(current - 1);
        if (eligible == 0) revert NothingEligible(current - 1);

        snapshotId = ++snapshotCount;
        emit SnapshotTaken(snapshotId, current - 1, eligible);
        uint256 undelivered = _balances[_sale].lookup(current - 1);
        uint256 count = _assetCount();
        uint256 mask = 0;
        for (uint256 i = 0; i < count; ++i) {
            // forge-lint: disable-next-line(divide-before-multiply)
            uint256 amount = Math.mulDiv(_unbooked(i), eligible, eligible + undelivered);
            if (amount != 0 && _book(snapshotId, i, amount) != 0) mask |= 1 << i;
        }
        _snapshots[snapshotId] = Snapshot({
            epoch: (current - 1).toUint48(), eligible: eligible.toUint128(), assets: mask.toUint16()
        });
    }

    /// @inheritdoc IERC7641
    function claim(uint256 snapshotId) external nonReentrant {
        _claimOne(msg.sender, snapshotId);
    }

    /// @inheritdoc IModelToken
    function claimFor(address account, uint256 snapshotId) external nonReentrant {
        _claimOne(account, snapshotId);
    }

    /// @inheritdoc IModelToken
    function claimMany(address account, uint256[] calldata snapshotIds) external nonReentrant {
        uint256[] memory sums = new uint256[](_assetCount());
        for (uint256 i = 0; i < snapshotIds.length; ++i) {
            _collect(account, snapshotIds[i], sums);
        }
        _payAll(account, sums);
    }

    /// @inheritdoc IERC7641
    function burn(uint256 amount) external nonReentrant {
        _redeem(amount, msg.sender, new uint256[](0));
    }

    /// @inheritdoc IModelToken
    function burnTo(uint256 amount, address receiver, uint256[] calldata minOut)
        external
        nonReentrant
    {
        if (receiver == address(0)) revert ZeroReceiver();
        if (minOut.length > _assetCount()) revert TooManyMinimums(minOut.length, _assetCount());
        _redeem(amount, receiver, minOut);
    }

    /// @inheritdoc IModelToken
    function withdrawOwed(address account, address asset, address receiver) external nonReentrant {
        if (receiver == address(0)) revert ZeroReceiver();
        if (msg.sender != account && receiver != account) revert OnlyToAccount(account, receiver);
        uint256 index = _indexOf(asset);
        uint256 amount = _owed[account][index];
        if (amount == 0) revert NothingOwed(account, asset);
        _owed[account][index] = 0;
        _pools[index].claimable -= amount.toUint128();
        emit OwedWithdrawn(account, asset, receiver, amount);
        if (!Payment.trySend(asset, receiver, amount)) {
            revert PaymentFailed(receiver, asset, amount);
        }
    }

    /// @inheritdoc IERC7641
    function claimableRevenue(address account, uint256 snapshotId) external view returns (uint256) {
        return _claimable(account, snapshotId, 0);
    }

    /// @inheritdoc IERC7641AltRevToken
    function claimableERC20(address account, uint256 snapshotId, address token)
        external
        view
        returns (uint256)
    {
        (bool known, uint256 index) = _find(token);
        return known ? _claimable(account, snapshotId, index) : 0;
    }

    /// @inheritdoc IERC7641
    function redeemableOnBurn(uint256 amount) external view returns (uint256) {
        return _redeemableDown(amount, 0, totalSupply());
    }

    /// @inheritdoc IERC7641AltRevToken
    function redeemableERC20OnBurn(uint256 amount, address token) external view returns (uint256) {
        (bool known, uint256 index) = _find(token);
        return known ? _redeemableDown(amount, index, totalSupply()) : 0;
    }

    /// @inheritdoc IModelToken
    function nextSnapshotAt() public view returns (uint256) {
        uint256 current = currentEpoch();
        if (current == 0 || _isRecorded(current - 1)) return epochStart(current + 1);
        return epochStart(_eligible.lookup(current - 1) == 0 ? current + 1 : current);
    }

    /// @inheritdoc IModelToken
    function snapshotOf(uint256 snapshotId) external view returns (Snapshot memory) {
        _checkSnapshot(snapshotId);
        return _snapshots[snapshotId];
    }

    /// @inheritdoc IModelToken
    function bookedAt(uint256 snapshotId, address asset) external view returns (uint256) {
        _checkSnapshot(snapshotId);
        return _booked[snapshotId][_indexOf(asset)];
    }

    /// @inheritdoc IModelToken
    function hasClaimed(address account, uint256 snapshotId) public view returns (bool) {
        return _claimed[account][snapshotId >> 8] >> (snapshotId & 0xff) & 1 != 0;
    }

    /// @inheritdoc IModelToken
    function assets() external view returns (address[] memory list) {
        list = new address[](_assetCount());
        for (uint256 i = 1; i < list.length; ++i) {
            list[i] = _asset(i);
        }
    }

    /// @inheritdoc IModelToken
    function unbookedRevenue(address asset) external view returns (uint256) {
        return _unbooked(_indexOf(asset));
    }

    /// @inheritdoc IModelToken
    function reservesOf(address asset)
        external
        view
        returns (uint256 claimable, uint256 redeemable)
    {
        Pool storage pool = _pools[_indexOf(asset)];
        return (pool.claimable, pool.redeemable);
    }

    /// @inheritdoc IModelToken
    function owedTo(address account, address asset) external view returns (uint256) {
        return _owed[account][_indexOf(asset)];
    }

    /// @inheritdoc IModelToken
    function claimableBps() public view returns (uint256) {
        return CloneArgs.word(3);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IERC20).interfaceId
            || interfaceId == type(IERC20Permit).interfaceId
            || interfaceId == type(IERC7641).interfaceId
            || interfaceId == type(IERC7641AltRevToken).interfaceId;
    }

    /// @dev Divides new revenue between claims and the redeem pool.
    /// @return claimable What holders can claim.
    function _book(uint256 snapshotId, uint256 asset, uint256 amount)
        private
        returns (uint256 claimable)
    {
        Pool memory pool = _pools[asset];
        // A token whose amounts exceed 128 bits must not stop the others: the excess waits unbooked.
        amount = Math.min(amount, type(uint128).max - pool.claimable - pool.redeemable);
        claimable = amount * claimableBps() / BPS;
        _pools[asset] = Pool({
            claimable: (pool.claimable + claimable).toUint128(),
            redeemable: (pool.redeemable + amount - claimable).toUint128()
        });
        _booked[snapshotId][asset] = claimable;
        emit RevenueBooked(snapshotId, _asset(asset), claimable, amount - claimable);
    }

    function _claimOne(address account, uint256 snapshotId) private {
        uint256[] memory sums = new uint256[](_assetCount());
        if (!_collect(account, snapshotId, sums)) revert AlreadyClaimed(account, snapshotId);
        _payAll(account, sums);
    }

    /// @dev Marks a claim and adds its amounts to `sums`; false when it was claimed before.
    function _collect(address account, uint256 snapshotId, uint256[] memory sums)
        private
        returns (bool)
    {
        _checkSnapshot(snapshotId);
        if (hasClaimed(account, snapshotId)) return false;
        _claimed[account][snapshotId >> 8] |= 1 << (snapshotId & 0xff);
        Snapshot memory record = _snapshots[snapshotId];
        uint256 balance = _earningBalance(account, record.epoch);
        if (balance == 0) return true;
        for (uint256 i = 0; record.assets >> i != 0; ++i) {
            if (record.assets >> i & 1 == 0) continue;
            uint256 amount = _shareDown(_booked[snapshotId][i], balance, record.eligible);
            if (amount == 0) continue;
            sums[i] += amount;
            emit RevenueClaimed(account, snapshotId, _asset(i), amount);
        }
        return true;
    }

    function _payAll(address account, uint256[] memory sums) private {
        for (uint256 i = 0; i < sums.length; ++i) {
            if (sums[i] != 0) _pay(i, account, sums[i]);
        }
    }

    /// @dev Pays from the claimable reserve; a payment that fails stays in the reserve and is owed.
    function _pay(uint256 asset, address to, uint256 amount) private {
        _pools[asset].claimable -= amount.toUint128();
        if (Payment.trySend(_asset(asset), to, amount)) return;
        _pools[asset].claimable += amount.toUint128();
        _owed[to][asset] += amount;
        emit PaymentOwed(to, _asset(asset), amount);
    }

    /// @dev Burns first, pays last. An excluded holder (the sale with what it did not sell) redeems nothing.
    function _redeem(uint256 amount, address receiver, uint256[] memory minOut) private {
        uint256 supply = totalSupply();
        bool redeems = !isExcluded(msg.sender);
        _burn(msg.sender, amount);
        emit Burned(msg.sender, amount, receiver);
        uint256[] memory sums = new uint256[](_assetCount());
        for (uint256 i = 0; i < sums.length; ++i) {
            uint256 out = redeems ? _redeemableDown(amount, i, supply) : 0;
            if (i < minOut.length && out < minOut[i]) {
                revert RedeemedTooLittle(_asset(i), out, minOut[i]);
            }
            if (out == 0) continue;
            sums[i] = out;
            _pools[i].redeemable -= out.toUint128();
            _pools[i].claimable += out.toUint128();
            emit Redeemed(msg.sender, receiver, _asset(i), out);
        }
        _payAll(receiver, sums);
    }

    function _claimable(address account, uint256 snapshotId, uint256 asset)
        private
        view
        returns (uint256)
    {
        if (snapshotId == 0 || snapshotId > snapshotCount || hasClaimed(account, snapshotId)) {
            return 0;
        }
        Snapshot memory record = _snapshots[snapshotId];
        uint256 balance = _earningBalance(account, record.epoch);
        return _shareDown(_booked[snapshotId][asset], balance, record.eligible);
    }

    function _earningBalance(address account, uint256 epoch) private view returns (uint256) {
        return isExcluded(account) ? 0 : _balances[account].lookup(epoch);
    }

    function _redeemableDown(uint256 amount, uint256 asset, uint256 supply)
        private
        view
        returns (uint256)
    {
        return supply == 0
            ? 0
            : _shareDown(_pools[asset].redeemable, Math.min(amount, supply), supply);
    }

    /// @dev amount * part / whole, rounded down; amount and part have 128 bits, so the product has 256.
    function _shareDown(uint256 amount, uint256 part, uint256 whole)
        private
        pure
        returns (uint256)
    {
        return amount * part / whole;
    }

    function _unbooked(uint256 asset) private view returns (uint256) {
        Pool storage pool = _pools[asset];
        uint256 booked = uint256(pool.claimable) + pool.redeemable;
        return Math.saturatingSub(Payment.balanceOf(_asset(asset)), booked);
    }

    /// @dev Whether an epoch is before or at the last snapshot's.
    function _isRecorded(uint256 epoch) private view returns (bool) {
        return snapshotCount != 0 && epoch <= _snapshots[snapshotCount].epoch;
    }

    function _assetCount() private view returns (uint256) {
        return 1 + CloneArgs.word(4);
    }

    function _asset(uint256 index) private view returns (address) {
        return index == 0 ? address(0) : CloneArgs.account(4 + index);
    }

    function _find(address asset) private view returns (bool, uint256) {
        uint256 count = _assetCount();
        for (uint256 i = 0; i < count; ++i) {
            if (_asset(i) == asset) return (true, i);
        }
        return (false, 0);
    }

    function _indexOf(address asset) private view returns (uint256) {
        (bool known, uint256 index) = _find(asset);
        if (!known) revert UnknownAsset(asset);
        return index;
    }

    function _checkSnapshot(uint256 snapshotId) private view {
        if (snapshotId == 0 || snapshotId > snapshotCount) revert UnknownSnapshot(snapshotId);
    }
}
