// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {OperatorRegistry} from "../../src/OperatorRegistry.sol";
import {Oracle} from "../../src/Oracle.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";

/// @title Random life around one oracle, and a memory of what must have happened
/// @dev Plays askers, one honest operator, two liars, keepers, and a sound dispute game: it strikes
/// exactly the claims that are false. The truth about request n is the text "n". Every move is only
/// made when it is legal, so that any revert is a failure.
contract OracleHandler is Test {
    uint256 private constant ASKERS = 3;
    uint256 private constant OPERATORS = 3; // number 0 is honest

    Oracle public immutable ORACLE;
    OperatorRegistry public immutable REGISTRY;
    address public immutable GAME;
    uint256 public immutable MODEL;

    address[] public askers;
    address[] public operators;
    address public challenger = makeAddr("challenger");

    // What went in and came out, in wei.
    uint256 public feesIn;
    uint256 public withdrawn;
    uint256 public feesFinal;
    uint256 public burned;
    uint256 public depositsIn;
    uint256 public depositsOut;
    uint256 public slashed;

    /// @dev What an operator put in, less what it took out: the deposit of one that is never slashed.
    mapping(address operator => uint256) public netDeposit;

    bytes32[] public struck;
    bytes32[] public held;
    mapping(uint256 requestId => bool) public isLie;
    mapping(uint256 requestId => uint256) public nonces;
    mapping(string move => uint256) public count;

    constructor(Oracle oracle, uint256 model) {
        ORACLE = oracle;
        REGISTRY = OperatorRegistry(oracle.operatorRegistry());
        GAME = oracle.disputeGame();
        MODEL = model;
        for (uint256 i = 0; i < ASKERS; ++i) {
            askers.push(makeAddr(string.concat("asker", vm.toString(i))));
        }
        for (uint256 i = 0; i < OPERATORS; ++i) {
            operators.push(makeAddr(string.concat("operator", vm.toString(i))));
            deal(operators[i], 40 ether);
            depositsIn += 40 ether;
            netDeposit[operators[i]] = 40 ether;
            vm.prank(operators[i]);
            REGISTRY.register{value: 40 ether}("");
        }
    }

    modifier counted(string memory move) {
        ++count[move];
        _;
        vm.warp(block.timestamp + 60);
    }

    // ------------------------------------------------------------ moves

    function ask(uint256 seed, uint256 fee, uint256 bond) external counted("ask") {
        address asker = askers[seed % ASKERS];
        fee = bound(fee, 0, 0.2 ether);
        deal(asker, asker.balance + fee);
        feesIn += fee;
        IOracle.Question memory question;
        question.modelId = MODEL;
        question.promptTokens = hex"0000000100000007";
        question.maxTokens = 4;
        question.beneficiary = askers[(seed >> 8) % ASKERS];
        question.bond = uint128(bound(bond, 0, 2 ether));
        question.deadline = uint64(block.timestamp + 1 + (seed >> 64) % 6 hours);
        vm.prank(asker);
        ORACLE.ask{value: fee}(question);
    }

    function answer(uint256 seed) external counted("answer") {
        (bool found, uint256 id) = find(seed, IOracle.Status.Open);
        if (!found || block.timestamp >= ORACLE.requestOf(id).deadline) return;
        uint256 who = (seed >> 128) % OPERATORS;
        if (!REGISTRY.isActive(operators[who])) return;
        if (REGISTRY.freeDeposit(operators[who]) < ORACLE.bondOf(id)) return;
        bool lie = who != 0 && (seed >> 136) % 2 == 0;
        IOracle.Answer memory posted;
        posted.questionHash = ORACLE.questionHashOf(id);
        posted.outputTokens = hex"0000000900000002";
        // Each lie is a new one: the same could not be posted twice.
        posted.text = lie ? bytes(vm.toString(1e9 + ++nonces[id])) : bytes(vm.toString(id));
        isLie[id] = lie;
        vm.prank(operators[who]);
        ORACLE.answer(id, posted);
    }

    function hold(uint256 seed) external counted("hold") {
        (bool found, uint256 id) = find(seed, IOracle.Status.Answered);
        if (!found || block.timestamp >= ORACLE.requestOf(id).finalAt) return;
        bytes32 claim = ORACLE.requestOf(id).claimHash;
        held.push(claim);
        vm.prank(GAME);
        ORACLE.hold(id, claim);
    }

    /// @dev Ends a dispute: a false claim is struck down when it is the live one, and the hold goes.
    function verdict(uint256 seed) external counted("verdict") {
        (bool found, uint256 id) = find(seed, IOracle.Status.Answered);
        if (!found) return;
        IOracle.Request memory request = ORACLE.requestOf(id);
        if (ORACLE.liveDisputes(request.claimHash) == 0) return;
        vm.startPrank(GAME);
        if (isLie[id]) {
            uint256 nothing = address(0).balance;
            ORACLE.strikeDown(id, request.claimHash, challenger);
            burned += address(0).balance - nothing;
            slashed += request.bond;
            struck.push(request.claimHash);
        } else {
            ORACLE.release(id, request.claimHash);
        }
        vm.stopPrank();
    }

    function releaseOld(uint256 seed) external counted("releaseOld") {
        if (held.length == 0) return;
        bytes32 claim = held[seed % held.length];
        if (ORACLE.liveDisputes(claim) == 0) return;
        // Of a claim that is still live only a verdict lets go.
        for (uint256 id = 1; id <= ORACLE.requestCount(); ++id) {
            if (ORACLE.requestOf(id).claimHash == claim) return;
        }
        vm.prank(GAME);
        ORACLE.release(1, claim);
    }

    function finalise(uint256 seed) external counted("finalise") {
        (bool found, uint256 id) = find(seed, IOracle.Status.Answered);
        if (!found) return;
        IOracle.Request memory request = ORACLE.requestOf(id);
        if (block.timestamp < request.finalAt) return;
        if (ORACLE.liveDisputes(request.claimHash) != 0) return;
        feesFinal += request.fee;
        ORACLE.finalise(id);
    }

    function refund(uint256 seed) external counted("refund") {
        (bool found, uint256 id) = find(seed, IOracle.Status.Open);
        if (!found || block.timestamp < ORACLE.requestOf(id).deadline) return;
        ORACLE.refund(id);
    }

    function withdraw(uint256 seed) external counted("withdraw") {
        address account = seed % 4 == 3 ? challenger : askers[seed % 4];
        if (ORACLE.owed(account) == 0) return;
        withdrawn += ORACLE.withdrawFor(account);
    }

    function startExit(uint256 seed, uint256 amount) external counted("startExit") {
        address operator = operators[seed % OPERATORS];
        amount = bound(amount, 0, REGISTRY.operatorOf(operator).deposit);
        vm.prank(operator);
        REGISTRY.startExit(amount);
    }

    function leave(uint256 seed) external counted("leave") {
        address operator = operators[seed % OPERATORS];
        IOperatorRegistry.Operator memory record = REGISTRY.operatorOf(operator);
        if (block.timestamp < record.exitAt || record.leaving == 0) return;
        if (record.deposit == record.locked) return;
        vm.prank(operator);
        uint256 amount = REGISTRY.withdraw(operator);
        depositsOut += amount;
        netDeposit[operator] -= amount;
    }

    function topUp(uint256 seed, uint256 amount) external counted("topUp") {
        address operator = operators[seed % OPERATORS];
        amount = bound(amount, 0, 5 ether);
        deal(address(this), amount);
        depositsIn += amount;
        netDeposit[operator] += amount;
        REGISTRY.deposit{value: amount}(operator);
    }

    function wait(uint256 seconds_) external counted("wait") {
        vm.warp(block.timestamp + bound(seconds_, 0, 4 hours));
    }

    // ------------------------------------------------------------ help

    /// @dev The first request with `status`, from a random one on.
    function find(uint256 seed, IOracle.Status status) public view returns (bool, uint256) {
        uint256 n = ORACLE.requestCount();
        for (uint256 i = 0; i < n; ++i) {
            uint256 id = 1 + (seed % n + i) % n;
            if (ORACLE.requestOf(id).status == status) return (true, id);
        }
        return (false, 0);
    }

    function struckCount() external view returns (uint256) {
        return struck.length;
    }

    function accounts() external view returns (address[4] memory) {
        return [askers[0], askers[1], askers[2], challenger];
    }

    function operatorAt(uint256 i) external view returns (address) {
        return operators[i];
    }
}
