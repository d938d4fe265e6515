// Computes with CometBFT's own code what vectors/light says, and prints where the two differ.
//
// In an empty directory, with this file copied into it:
//
//	go mod init compare && go get github.com/cometbft/cometbft@v0.39.4 && go mod tidy && go run . PATH/TO/vectors/light
//
// It is run by hand when these vectors change; Go is no part of the tests.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtmath "github.com/cometbft/cometbft/libs/math"
	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

// Bytes travel as base64url without padding.
type Bytes []byte

func (b *Bytes) UnmarshalJSON(data []byte) (err error) {
	var text string
	if err = json.Unmarshal(data, &text); err == nil {
		*b, err = base64.RawURLEncoding.DecodeString(text)
	}
	return err
}

type Time struct{ Nanos, Seconds int64 }

func (t Time) time() time.Time { return time.Unix(t.Seconds, t.Nanos).UTC() }

type BlockID struct {
	Hash       Bytes
	PartsHash  Bytes  `json:"parts_hash"`
	PartsTotal uint32 `json:"parts_total"`
}

func (b BlockID) id() types.BlockID {
	return types.BlockID{Hash: []byte(b.Hash), PartSetHeader: types.PartSetHeader{Total: b.PartsTotal, Hash: []byte(b.PartsHash)}}
}

type Header struct {
	AppHash            Bytes   `json:"app_hash"`
	ChainID            string  `json:"chain_id"`
	ConsensusHash      Bytes   `json:"consensus_hash"`
	DataHash           Bytes   `json:"data_hash"`
	EvidenceHash       Bytes   `json:"evidence_hash"`
	Height             int64   `json:"height"`
	LastBlockID        BlockID `json:"last_block_id"`
	LastCommitHash     Bytes   `json:"last_commit_hash"`
	LastResultsHash    Bytes   `json:"last_results_hash"`
	NextValidatorsHash Bytes   `json:"next_validators_hash"`
	ProposerAddress    Bytes   `json:"proposer_address"`
	Time               Time    `json:"time"`
	ValidatorsHash     Bytes   `json:"validators_hash"`
	Version            struct{ App, Block uint64 }
}

func (h Header) header() *types.Header {
	return &types.Header{
		Version: cmtversion.Consensus{Block: h.Version.Block, App: h.Version.App}, ChainID: h.ChainID, Height: h.Height,
		Time: h.Time.time(), LastBlockID: h.LastBlockID.id(), LastCommitHash: []byte(h.LastCommitHash),
		DataHash: []byte(h.DataHash), ValidatorsHash: []byte(h.ValidatorsHash),
		NextValidatorsHash: []byte(h.NextValidatorsHash), ConsensusHash: []byte(h.ConsensusHash),
		AppHash: []byte(h.AppHash), LastResultsHash: []byte(h.LastResultsHash), EvidenceHash: []byte(h.EvidenceHash),
		ProposerAddress: []byte(h.ProposerAddress),
	}
}

type Validators []struct {
	Power  int64
	Public Bytes
}

// set returns the validators as CometBFT's own constructor orders them.
func (vs Validators) set() (*types.ValidatorSet, error) {
	all := make([]*types.Validator, 0, len(vs))
	for i := range vs {
		v := vs[len(vs)-1-i]
		all = append(all, types.NewValidator(ed25519.PubKey(v.Public), v.Power))
	}
	set := &types.ValidatorSet{}
	return set, func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("%v", r)
			}
		}()
		set = types.NewValidatorSet(all)
		return nil
	}()
}

type Vote struct {
	Address   Bytes
	ForBlock  bool `json:"for_block"`
	Signature Bytes
	Time      Time
}

type Commit struct {
	BlockID    BlockID `json:"block_id"`
	Height     int64
	Round      int32
	Signatures []*Vote
}

func (c Commit) commit() *types.Commit {
	commit := &types.Commit{Height: c.Height, Round: c.Round, BlockID: c.BlockID.id()}
	for _, vote := range c.Signatures {
		sig := types.NewCommitSigAbsent()
		if vote != nil {
			flag := types.BlockIDFlagNil
			if vote.ForBlock {
				flag = types.BlockIDFlagCommit
			}
			sig = types.CommitSig{
				BlockIDFlag: flag, ValidatorAddress: []byte(vote.Address), Timestamp: vote.Time.time(), Signature: vote.Signature,
			}
		}
		commit.Signatures = append(commit.Signatures, sig)
	}
	return commit
}

var compared, differ int

func check(what string, same bool) {
	compared++
	if !same {
		differ++
		fmt.Println("differs:", what)
	}
}

func read(name string, into any) {
	data, err := os.ReadFile(filepath.Join(os.Args[1], name+".json"))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	var headers []struct {
		HashHex string `json:"hash_hex"`
		Header  Header
	}
	read("headers", &headers)
	for i, one := range headers {
		check(fmt.Sprint("header ", i), hex.EncodeToString(one.Header.header().Hash()) == one.HashHex)
	}
	var sets []struct {
		HashHex      string   `json:"hash_hex"`
		AddressesHex []string `json:"addresses_hex"`
		Validators   Validators
	}
	read("sets", &sets)
	for i, one := range sets {
		set, err := one.Validators.set()
		if err != nil { // more power than a set of CometBFT may have: its hash can still be computed
			set.Validators = []*types.Validator{types.NewValidator(ed25519.PubKey(one.Validators[0].Public), one.Validators[0].Power)}
		}
		check(fmt.Sprint("set ", i), hex.EncodeToString(set.Hash()) == one.HashHex)
		for at, validator := range set.Validators {
			check(fmt.Sprint("address ", i, " ", at), hex.EncodeToString(validator.Address) == one.AddressesHex[at])
		}
	}
	var votes []struct {
		BlockID      BlockID `json:"block_id"`
		ChainID      string  `json:"chain_id"`
		ForBlock     bool    `json:"for_block"`
		Height       int64
		Round        int32
		SignBytesHex string `json:"sign_bytes_hex"`
		Time         Time
	}
	read("votes", &votes)
	for i, one := range votes {
		vote := &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: one.Height, Round: one.Round, Timestamp: one.Time.time()}
		if one.ForBlock {
			vote.BlockID = func(id types.BlockID) cmtproto.BlockID { return id.ToProto() }(one.BlockID.id())
		}
		check(fmt.Sprint("vote ", i), hex.EncodeToString(types.VoteSignBytes(one.ChainID, vote)) == one.SignBytesHex)
	}
	var signatures []struct {
		KeyHex       string `json:"key_hex"`
		MessageHex   string `json:"message_hex"`
		SignatureHex string `json:"signature_hex"`
		Valid        bool
		What         string
	}
	read("zip215", &signatures)
	for _, one := range signatures {
		key, _ := hex.DecodeString(one.KeyHex)
		message, _ := hex.DecodeString(one.MessageHex)
		signature, _ := hex.DecodeString(one.SignatureHex)
		check("signature, "+one.What, ed25519.PubKey(key).VerifySignature(message, signature) == one.Valid)
	}
	var signed []struct {
		Reason string
		Signed struct {
			Commit Commit
			Header Header
		}
		Trusted struct{ Validators Validators }
		What    string
	}
	read("signed", &signed)
	for _, one := range signed {
		switch one.Reason { // those that are judged by what CometBFT's VerifyCommit is not given
		case "wrong-chain", "height-before", "time-before", "header-from-the-future", "wrong-set":
			continue
		}
		set, err := one.Trusted.Validators.set()
		header, commit := one.Signed.Header.header(), one.Signed.Commit.commit()
		if err == nil {
			shown := types.SignedHeader{Header: header, Commit: commit}
			err = shown.ValidateBasic(header.ChainID)
		}
		if err == nil {
			err = set.VerifyCommit(header.ChainID, commit.BlockID, header.Height, commit)
		}
		check("signed header, "+one.What, (err == nil) == (one.Reason == ""))
	}
	var steps []struct {
		NowMs  *int64 `json:"now_ms"`
		Reason string
		Step   struct {
			Signed struct {
				Commit Commit
				Header Header
			}
			Validators Validators
		}
		Trusted struct {
			ChainID    string `json:"chain_id"`
			Height     int64
			TimeMs     int64 `json:"time_ms"`
			Validators Validators
		}
		TrustPeriodMs int64 `json:"trust_period_ms"`
		What          string
	}
	read("steps", &steps)
	for _, one := range steps {
		if one.Step.Validators == nil || one.NowMs == nil || one.Reason == "set-order" || one.Reason == "wrong-next-set" {
			continue // no skip, or judged by what the light client is not given
		}
		trusted, err := one.Trusted.Validators.set()
		own, err2 := one.Step.Validators.set()
		if err != nil || err2 != nil {
			panic(one.What)
		}
		from := &types.SignedHeader{Header: &types.Header{
			ChainID: one.Trusted.ChainID, Height: one.Trusted.Height - 1, Time: time.UnixMilli(one.Trusted.TimeMs).UTC(),
			NextValidatorsHash: trusted.Hash(),
		}}
		to := &types.SignedHeader{Header: one.Step.Signed.Header.header(), Commit: one.Step.Signed.Commit.commit()}
		err = light.Verify(from, trusted, to, own, time.Duration(one.TrustPeriodMs)*time.Millisecond,
			time.UnixMilli(*one.NowMs).UTC(), 5*time.Minute, cmtmath.Fraction{Numerator: 1, Denominator: 3})
		check("step, "+one.What, (err == nil) == (one.Reason == ""))
	}
	fmt.Printf("%d values compared, %d differ\n", compared, differ)
	if differ > 0 {
		os.Exit(1)
	}
}
