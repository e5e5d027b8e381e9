// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ContentToken} from "../../src/ContentToken.sol";
import {IContentToken} from "../../src/interfaces/IContentToken.sol";
import {IERC7007, IERC7007Enumerable, IERC7007Updatable} from "../../src/interfaces/IERC7007.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {ContentPrompt} from "../../src/libraries/ContentPrompt.sol";
import {UseFixture} from "./UseFixture.sol";

/// mint, reserve
/// ├── malformed prompt; not answered; other model, tokens, limit; not the beneficiary → refused
/// ├── twice → refused; other text; too long → refused
/// └── else → token keccak256(prompt), content readable in state and log
/// addAigcData
/// ├── other id; not minted; content there; wrong text; wrong proof → refused
/// └── else → by anybody
/// update
/// ├── not minted; no content; unchanged; not the present answer → refused
/// └── else → by anybody, after a strike-down and a new answer
/// verify: true only for the final answer, its prompt and its proof; total on any bytes
/// royaltyInfo, ids
contract ContentTokenTest is UseFixture {
    string private constant TEXT = "a river";

    function promptFor(uint256 requestId) private view returns (bytes memory) {
        return ContentPrompt.encode(modelId, pack(1, 7, 8), 4, requestId);
    }

    function minted(uint256 requestId) private returns (uint256) {
        vm.prank(asker);
        return content.mint(asker, promptFor(requestId), bytes(TEXT));
    }

    /// @dev Strikes the first answer down and posts "a lake".
    function reanswer(uint256 requestId) private {
        strikeDown(requestId);
        IOracle.Answer memory better = defaultAnswer();
        better.text = "a lake";
        answer(requestId, better);
    }

    // ------------------------------------------------------------ ids

    function test_interfaceIds() public view {
        bytes4[9] memory ids = [
            bytes4(0x702c55a6), // ERC-7007
            bytes4(0xfa1a557a), // its enumerable extension
            bytes4(0x3f37dce2), // its updatable extension
            bytes4(0x80ac58cd), // ERC-721
            bytes4(0x5b5e139f), // ERC-721 metadata
            bytes4(0x2a55205a), // ERC-2981
            bytes4(0x49064906), // ERC-4906
            bytes4(0x01ffc9a7), // ERC-165
            type(IERC7007).interfaceId
        ];
        for (uint256 i = 0; i < ids.length; ++i) {
            assertTrue(content.supportsInterface(ids[i]));
        }
        assertFalse(content.supportsInterface(0xffffffff));
        assertFalse(content.supportsInterface(0x7e52e423), "the draft's id");
        assertEq(type(IERC7007Enumerable).interfaceId, bytes4(0xfa1a557a));
        assertEq(type(IERC7007Updatable).interfaceId, bytes4(0x3f37dce2));
        assertEq(IERC7007.addAigcData.selector, bytes4(0xaea30507));
        assertEq(IERC7007.verify.selector, bytes4(0xde8f50a1));
        assertTrue(IERC165(address(content)).supportsInterface(type(IERC165).interfaceId));
    }

    function test_constructor_royaltyIsBounded() public {
        vm.expectRevert(abi.encodeWithSelector(IContentToken.BadRoyalty.selector, 1_001, 1_000));
        new ContentToken(oracle, 1_001);
        assertEq(new ContentToken(oracle, 1_000).royaltyBps(), 1_000);
        assertEq(content.oracle(), address(oracle));
    }

    // ------------------------------------------------------------ mint

    function test_mint_recordsAndTells() public {
        uint256 id = answered();
        bytes memory prompt = promptFor(id);
        uint256 token = uint256(keccak256(prompt));
        assertEq(content.tokenId(prompt), token);
        assertEq(content.encodePrompt(id, pack(1, 7, 8)), prompt);
        vm.expectEmit(address(content));
        emit IERC7007.AigcData(token, prompt, bytes(TEXT), abi.encode(id));
        vm.expectEmit(address(content));
        emit IContentToken.Content(token, id, modelId, prompt, bytes(TEXT));
        vm.expectEmit(address(content));
        emit IERC4906.MetadataUpdate(token);
        vm.prank(asker);
        assertEq(content.mint(stranger, prompt, bytes(TEXT)), token);
        assertEq(content.ownerOf(token), stranger);
        assertEq(content.promptOf(token), prompt);
        assertEq(bytes(content.prompt(token)), prompt);
        assertEq(content.contentOf(token), bytes(TEXT));
        assertEq(content.requestOf(token), id);
    }

    function test_mint_malformedPrompt_reverts() public {
        answered();
        vm.startPrank(asker);
        vm.expectRevert(IContentToken.MalformedPrompt.selector);
        content.mint(asker, "tell me a story", bytes(TEXT));
        vm.expectRevert(IContentToken.MalformedPrompt.selector);
        content.mint(asker, bytes.concat(promptFor(1), new bytes(32)), bytes(TEXT));
    }

    function test_mint_notAnswered_reverts() public {
        uint256 id = ask();
        vm.startPrank(asker);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotAnswered.selector, id));
        content.mint(asker, promptFor(id), bytes(TEXT));
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotAnswered.selector, 77));
        content.mint(asker, promptFor(77), bytes(TEXT));
    }

    function test_mint_otherPrompt_reverts() public {
        uint256 id = answered();
        bytes memory reason = abi.encodeWithSelector(IContentToken.PromptMismatch.selector, id);
        vm.startPrank(asker);
        vm.expectRevert(reason);
        content.mint(asker, ContentPrompt.encode(modelId + 1, pack(1, 7, 8), 4, id), bytes(TEXT));
        vm.expectRevert(reason);
        content.mint(asker, ContentPrompt.encode(modelId, pack(1, 7, 9), 4, id), bytes(TEXT));
        vm.expectRevert(reason);
        content.mint(asker, ContentPrompt.encode(modelId, pack(1, 7, 8), 5, id), bytes(TEXT));
        vm.expectRevert(reason);
        content.encodePrompt(id, pack(1, 7, 9));
    }

    /// @dev Who gains: whoever watches the mempool and mints what another paid for.
    function test_mint_notTheBeneficiary_reverts() public {
        uint256 id = answered();
        bytes memory reason =
            abi.encodeWithSelector(IContentToken.NotBeneficiary.selector, id, asker, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(reason);
        content.mint(stranger, promptFor(id), bytes(TEXT));
        vm.expectRevert(reason);
        content.reserve(stranger, promptFor(id));
    }

    function test_mint_copiedQuestion_isAnotherToken() public {
        uint256 first = answered();
        vm.prank(stranger);
        uint256 second = oracle.ask{value: 0.01 ether}(defaultQuestion());
        answer(second);
        vm.prank(stranger);
        uint256 copy = content.mint(stranger, promptFor(second), bytes(TEXT));
        uint256 original = minted(first);
        assertNotEq(copy, original);
        assertEq(content.ownerOf(original), asker);
        assertLt(content.requestOf(original), content.requestOf(copy), "the order is visible");
    }

    function test_mint_twice_reverts() public {
        uint256 id = answered();
        minted(id);
        vm.startPrank(asker);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidSender.selector, address(0))
        );
        content.mint(asker, promptFor(id), bytes(TEXT));
    }

    /// @dev Who gains if the text were not checked: a forger of what a model is said to have said.
    function test_mint_otherText_reverts() public {
        uint256 id = answered();
        vm.prank(asker);
        vm.expectRevert(
            abi.encodeWithSelector(
                IContentToken.WrongContent.selector, id, keccak256(bytes(TEXT)), keccak256("a sea")
            )
        );
        content.mint(asker, promptFor(id), "a sea");
    }

    function test_mint_tooLong_reverts() public {
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        posted.text = new bytes(24_575 - promptFor(id).length + 1);
        answer(id, posted);
        vm.startPrank(asker);
        vm.expectRevert(
            abi.encodeWithSelector(IContentToken.ContentTooLong.selector, 24_576, 24_575)
        );
        content.mint(asker, promptFor(id), posted.text);
    }

    function test_mint_longestAndEmptyText() public {
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        posted.text = new bytes(24_575 - promptFor(id).length);
        answer(id, posted);
        vm.prank(asker);
        uint256 token = content.mint(asker, promptFor(id), posted.text);
        assertEq(content.contentOf(token), posted.text);

        id = ask();
        posted.text = "";
        posted.outputTokens = pack(END_TOKEN);
        answer(id, posted);
        vm.prank(asker);
        token = content.mint(asker, promptFor(id), "");
        assertEq(content.contentOf(token), "");
        assertEq(content.promptOf(token), promptFor(id));
        content.tokenURI(token);
    }

    function test_mint_textQuestion() public {
        uint256 fee = oracle.estimateFee(modelId, 0);
        vm.prank(asker);
        uint256 id = oracle.requestCallback{value: fee}(modelId, "Once", address(0), 0, "");
        IOracle.Answer memory posted = defaultAnswer();
        posted.promptTokens = pack(1, 40);
        answer(id, posted);
        bytes memory prompt = content.encodePrompt(id, pack(1, 40));
        vm.prank(asker);
        uint256 token = content.mint(asker, prompt, bytes(TEXT));
        assertEq(content.ownerOf(token), asker);
    }

    // ------------------------------------------------------------ reserve, addAigcData

    function test_addAigcData_byAnybody() public {
        uint256 id = answered();
        bytes memory prompt = promptFor(id);
        vm.prank(asker);
        uint256 token = content.reserve(asker, prompt);
        assertEq(content.contentOf(token), "");
        assertEq(content.promptOf(token), "");
        vm.expectEmit(address(content));
        emit IERC7007.AigcData(token, prompt, bytes(TEXT), "");
        vm.prank(stranger);
        content.addAigcData(token, prompt, bytes(TEXT), "");
        assertEq(content.contentOf(token), bytes(TEXT));
        vm.expectRevert(abi.encodeWithSelector(IContentToken.ContentExists.selector, token));
        content.addAigcData(token, prompt, bytes(TEXT), "");
    }

    function test_addAigcData_refused() public {
        uint256 id = answered();
        bytes memory prompt = promptFor(id);
        uint256 token = content.tokenId(prompt);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.WrongToken.selector, 5, token));
        content.addAigcData(5, prompt, bytes(TEXT), "");
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotMinted.selector, token));
        content.addAigcData(token, prompt, bytes(TEXT), "");
        vm.prank(asker);
        content.reserve(asker, prompt);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.MalformedProof.selector, id));
        content.addAigcData(token, prompt, bytes(TEXT), abi.encode(id + 1));
        vm.expectPartialRevert(IContentToken.WrongContent.selector);
        content.addAigcData(token, prompt, "a sea", abi.encode(id));
        strikeDown(id);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotAnswered.selector, id));
        content.addAigcData(token, prompt, bytes(TEXT), abi.encode(id));
    }

    // ------------------------------------------------------------ update

    function test_update_afterANewAnswer() public {
        uint256 id = answered();
        uint256 token = minted(id);
        bytes memory prompt = promptFor(id);
        reanswer(id);
        vm.expectEmit(address(content));
        emit IERC7007Updatable.Update(token, prompt, "a lake");
        vm.expectEmit(address(content));
        emit IContentToken.Content(token, id, modelId, prompt, "a lake");
        vm.expectEmit(address(content));
        emit IERC4906.MetadataUpdate(token);
        vm.prank(stranger);
        content.update(prompt, "a lake");
        assertEq(content.contentOf(token), "a lake");
        assertEq(content.ownerOf(token), asker);
    }

    function test_update_refused() public {
        uint256 id = answered();
        bytes memory prompt = promptFor(id);
        uint256 token = content.tokenId(prompt);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotMinted.selector, token));
        content.update(prompt, bytes(TEXT));
        vm.prank(asker);
        content.reserve(asker, prompt);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.ContentMissing.selector, token));
        content.update(prompt, bytes(TEXT));
        content.addAigcData(token, prompt, bytes(TEXT), "");
        vm.expectRevert(abi.encodeWithSelector(IContentToken.ContentUnchanged.selector, token));
        content.update(prompt, bytes(TEXT));
        vm.expectPartialRevert(IContentToken.WrongContent.selector);
        content.update(prompt, "a sea");
        strikeDown(id);
        vm.expectRevert(abi.encodeWithSelector(IContentToken.NotAnswered.selector, id));
        content.update(prompt, "a lake");
    }

    // ------------------------------------------------------------ verify

    function test_verify_onlyOnceFinal() public {
        uint256 id = answered();
        bytes memory prompt = promptFor(id);
        bytes memory proof = abi.encode(id);
        assertFalse(content.verify(prompt, bytes(TEXT), proof), "still disputable");
        vm.warp(block.timestamp + WINDOW);
        assertFalse(content.verify(prompt, bytes(TEXT), proof), "not finalised by anybody yet");
        oracle.finalise(id);
        assertTrue(content.verify(prompt, bytes(TEXT), proof));
        assertTrue(content.verify(prompt, bytes(TEXT), ""), "the request is in the prompt");
    }

    function test_verify_nothingElse() public {
        uint256 id = finalised();
        uint256 other = finalised();
        bytes memory prompt = promptFor(id);
        bytes memory proof = abi.encode(id);
        assertFalse(content.verify(prompt, "a sea", proof));
        assertFalse(content.verify(prompt, bytes(TEXT), abi.encode(other)));
        assertFalse(content.verify(prompt, bytes(TEXT), bytes.concat(proof, hex"00")));
        assertFalse(content.verify("", bytes(TEXT), ""));
        assertFalse(content.verify("a prompt", bytes(TEXT), proof));
        bytes memory forged = ContentPrompt.encode(modelId + 1, pack(1, 7, 8), 4, id);
        assertFalse(content.verify(forged, bytes(TEXT), proof), "another model");
        forged = ContentPrompt.encode(modelId, pack(1, 7, 9), 4, id);
        assertFalse(content.verify(forged, bytes(TEXT), proof), "another prompt");
        forged = ContentPrompt.encode(modelId, pack(1, 7, 8), 5, id);
        assertFalse(content.verify(forged, bytes(TEXT), proof), "another limit");
        forged = ContentPrompt.encode(modelId, pack(1, 7, 8), 4, 77);
        assertFalse(content.verify(forged, bytes(TEXT), abi.encode(77)), "no such request");
    }

    function test_verify_oldContentIsFalseForEver() public {
        uint256 id = answered();
        minted(id);
        reanswer(id);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertFalse(content.verify(promptFor(id), bytes(TEXT), abi.encode(id)));
        assertTrue(content.verify(promptFor(id), "a lake", abi.encode(id)));
    }

    /// @dev Refunded after a strike-down: the hash of nothing must not verify anything.
    function test_verify_withoutAnAnswer_isFalse() public {
        uint256 id = answered();
        strikeDown(id);
        vm.warp(block.timestamp + 1 days);
        oracle.refund(id);
        assertFalse(content.verify(promptFor(id), bytes(TEXT), abi.encode(id)));
        assertFalse(content.verify(promptFor(id), "", abi.encode(id)));
    }

    function testFuzz_verify_isTotal(
        bytes calldata prompt,
        bytes calldata data,
        bytes calldata proof
    ) public {
        finalised();
        assertFalse(content.verify(prompt, data, proof));
    }

    // ------------------------------------------------------------ royalty

    function test_royalty_goesToTheSplitter() public {
        uint256 token = minted(answered());
        (address receiver, uint256 amount) = content.royaltyInfo(token, 1 ether);
        assertEq(receiver, splitters.splitterOf(modelId, operator));
        assertEq(amount, 0.05 ether);
        (, amount) = content.royaltyInfo(token, 19);
        assertEq(amount, 0, "rounded down");
        (, amount) = content.royaltyInfo(token, type(uint256).max);
        assertEq(amount, type(uint256).max / 20, "no overflow");
    }

    function test_royalty_whileStruckDown_hasNoOperator() public {
        uint256 id = answered();
        uint256 token = minted(id);
        strikeDown(id);
        (address receiver,) = content.royaltyInfo(token, 1 ether);
        assertEq(receiver, splitters.splitterOf(modelId, address(0)));
    }

    function test_views_ofUnminted_revert() public {
        bytes memory reason =
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5);
        vm.expectRevert(reason);
        content.promptOf(5);
        vm.expectRevert(reason);
        content.prompt(5);
        vm.expectRevert(reason);
        content.contentOf(5);
        vm.expectRevert(reason);
        content.requestOf(5);
        vm.expectRevert(reason);
        content.royaltyInfo(5, 1);
        vm.expectRevert(reason);
        content.tokenURI(5);
    }
}
