// Makes evidence of both kinds with CometBFT's own code, as its JSON-RPC shows it, and the hash that a header would have.
//
// In an empty directory, with this file copied into it:
//
//	go mod init make && go get github.com/cometbft/cometbft@v0.39.4 && go mod tidy && go run . > PATH/TO/evidence.json
//
// It was run once; Go is no part of the tests.
package main

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/bytes"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

const chain = "evidence"

var at = time.Date(2026, 11, 30, 7, 41, 40, 500_000_000, time.UTC)

func named(name string) []byte { sum := sha256.Sum256([]byte(name)); return sum[:] }

func id(name string) types.BlockID {
	return types.BlockID{Hash: named(name), PartSetHeader: types.PartSetHeader{Total: 1, Hash: named("parts of " + name)}}
}

func vote(key ed25519.PrivKey, kind cmtproto.SignedMsgType, block types.BlockID, index int32) *types.Vote {
	v := &types.Vote{
		Type: kind, Height: 7, Round: 1, BlockID: block, Timestamp: at,
		ValidatorAddress: key.PubKey().Address(), ValidatorIndex: index,
	}
	signature, err := key.Sign(types.VoteSignBytes(chain, v.ToProto()))
	must(err)
	v.Signature = signature
	return v
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	keys := []ed25519.PrivKey{}
	validators := []*types.Validator{}
	for i, name := range []string{"a", "b", "c", "d"} {
		key := ed25519.GenPrivKeyFromSecret([]byte(name))
		keys = append(keys, key)
		validators = append(validators, types.NewValidator(key.PubKey(), int64(10+i)))
	}
	set := types.NewValidatorSet(validators)

	twice, err := types.NewDuplicateVoteEvidence(
		vote(keys[1], cmtproto.PrecommitType, id("one"), 2), vote(keys[1], cmtproto.PrecommitType, id("other"), 2), at, set)
	must(err)
	orNot, err := types.NewDuplicateVoteEvidence(
		vote(keys[0], cmtproto.PrevoteType, id("one"), 0), vote(keys[0], cmtproto.PrevoteType, types.BlockID{}, 0), at, set)
	must(err)

	header := &types.Header{
		Version: version.Consensus{Block: 11, App: 1}, ChainID: chain, Height: 9, Time: at.Add(time.Second),
		LastBlockID: id("last"), LastCommitHash: named("commit"), DataHash: named("data"), ValidatorsHash: set.Hash(),
		NextValidatorsHash: set.Hash(), ConsensusHash: named("consensus"), AppHash: named("app"),
		LastResultsHash: named("results"), EvidenceHash: types.EvidenceList{}.Hash(), ProposerAddress: validators[0].Address,
	}
	decided := types.BlockID{Hash: header.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: named("parts")}}
	commit := &types.Commit{Height: 9, Round: 0, BlockID: decided}
	for i, validator := range set.Validators {
		if i == 3 {
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		commit.Signatures = append(commit.Signatures, types.CommitSig{
			BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: validator.Address, Timestamp: at, Signature: make([]byte, 64),
		})
	}
	attack := &types.LightClientAttackEvidence{
		ConflictingBlock: &types.LightBlock{SignedHeader: &types.SignedHeader{Header: header, Commit: commit}, ValidatorSet: set},
		CommonHeight:     5, ByzantineValidators: set.Validators[:2], TotalVotingPower: set.TotalVotingPower(), Timestamp: at,
	}

	list := types.EvidenceList{twice, attack, orNot}
	text, err := cmtjson.MarshalIndent(struct {
		Evidence types.EvidenceList `json:"evidence"`
		Hash     bytes.HexBytes     `json:"hash"`
	}{list, list.Hash()}, "", " ")
	must(err)
	fmt.Println(string(text))
}
