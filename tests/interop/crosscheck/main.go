// Checks an exported log, its proofs and its cosignatures with code that nobody of Nilometer wrote:
//
//	crosscheck FOLDER VKEY [WITNESS-NAME WITNESS-SEED-HEX]
//	crosscheck fsck FOLDER VKEY
//
// The second form runs Tessera's fsck alone, which derives every tile and the root again from the entries.
//
// FOLDER/log is a log as tlog-tiles has it. FOLDER/proofs has .tlog-proof files, FOLDER/old older checkpoints as
// SIZE.checkpoint, each with a consistency proof to the newest one as SIZE.proof, a hash in base64 on each line.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"
)

// folder reads tiles from files.
type folder string

func (f folder) ReadTiles(_ context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), torchwood.TilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadEndpoint(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), path))
}

func main() {
	said, err := check(os.Args[1:])
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func check(args []string) (string, error) {
	if args[0] == "fsck" {
		return runFsck(filepath.Join(args[1], "log"), args[2])
	}
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return "", err
	}
	known := []note.Verifier{verifier}
	if len(args) > 2 {
		seed, err := hex.DecodeString(args[3])
		if err != nil {
			return "", err
		}
		witness, err := torchwood.NewCosignatureSigner(args[2], ed25519.NewKeyFromSeed(seed))
		if err != nil {
			return "", err
		}
		known = append(known, witness.Verifier())
	}
	log := folder(filepath.Join(args[0], "log"))
	raw, err := log.ReadEndpoint(context.Background(), "checkpoint")
	if err != nil {
		return "", err
	}
	newest, err := open(raw, known)
	if err != nil {
		return "", err
	}
	entries, err := readAll(log, newest.Tree)
	if err != nil {
		return "", err
	}
	proofs, err := checkProofs(filepath.Join(args[0], "proofs"), raw, newest, entries)
	if err != nil {
		return "", err
	}
	old, err := checkOld(filepath.Join(args[0], "old"), newest, known[:1])
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, %d proofs, %d older checkpoints", len(entries), proofs, old), nil
}

// runFsck lets Tessera derive every tile and the root of a log from its entries.
func runFsck(log string, vkey string) (string, error) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", err
	}
	// More workers than there are tiles: one that finds a wrong tile ends, and fsck waits forever if none is left.
	checker := fsck.New(verifier.Name(), verifier, &client.FileFetcher{Root: log}, hashBundle, fsck.Opts{N: 64})
	if err := checker.Check(context.Background()); err != nil {
		return "", err
	}
	status := checker.Status()
	return fmt.Sprintf("fsck: %d files", status.ResourcesFetched), nil
}

// hashBundle gives the hash of each leaf in a bundle of entries.
func hashBundle(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	var all [][]byte
	for _, entry := range bundle.Entries {
		all = append(all, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return all, nil
}

// open checks that all of the keys signed a checkpoint.
func open(raw []byte, known []note.Verifier) (torchwood.Checkpoint, error) {
	opened, err := note.Open(raw, note.VerifierList(known...))
	if err != nil {
		return torchwood.Checkpoint{}, err
	}
	if len(opened.Sigs) != len(known) {
		return torchwood.Checkpoint{}, fmt.Errorf("%d of %d keys signed", len(opened.Sigs), len(known))
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err == nil && checkpoint.Origin != known[0].Name() {
		err = errors.New("the origin is not the name of the key")
	}
	return checkpoint, err
}

// readAll reads every entry, each proved against the tiles, and the tiles against the checkpoint.
func readAll(log folder, tree tlog.Tree) ([][]byte, error) {
	client, err := torchwood.NewClient(log)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	// The client leaves out the end of a log that is no full tile: the last entries are asked for one by one.
	for index, entry := range client.Entries(context.Background(), tree, 0) {
		if index != int64(len(entries)) {
			return nil, fmt.Errorf("entry %d comes after %d", index, len(entries))
		}
		entries = append(entries, bytes.Clone(entry))
	}
	if err := client.Err(); err != nil {
		return nil, err
	}
	for index := int64(len(entries)); index < tree.N; index++ {
		entry, record, err := client.Entry(context.Background(), tree, index)
		if err != nil {
			return nil, err
		}
		if err := tlog.CheckRecord(record, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return nil, err
		}
		entries = append(entries, bytes.Clone(entry))
	}
	return entries, nil
}

func checkProofs(place string, raw []byte, newest torchwood.Checkpoint, entries [][]byte) (int, error) {
	names, err := filepath.Glob(filepath.Join(place, "*.tlog-proof"))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		head, checkpoint, _ := bytes.Cut(content, []byte("\n\n"))
		if !bytes.Equal(checkpoint, raw) {
			return 0, fmt.Errorf("%s is about another checkpoint", name)
		}
		lines := strings.Split(string(head), "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" {
			return 0, fmt.Errorf("%s is no proof", name)
		}
		index, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "index "), 10, 63)
		if err != nil || index >= uint64(len(entries)) {
			return 0, fmt.Errorf("%s has no index", name)
		}
		path, err := hashes(lines[2:])
		if err != nil {
			return 0, err
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(entries[index])
		root := newest.Hash
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, uint64(newest.N), leaf, path, root[:]); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return len(names), nil
}

func checkOld(place string, newest torchwood.Checkpoint, known []note.Verifier) (int, error) {
	names, err := filepath.Glob(filepath.Join(place, "*.checkpoint"))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		old, err := open(raw, known)
		if err != nil {
			return 0, err
		}
		text, err := os.ReadFile(strings.TrimSuffix(name, "checkpoint") + "proof")
		if err != nil {
			return 0, err
		}
		path, err := hashes(strings.Fields(string(text)))
		if err != nil {
			return 0, err
		}
		before, after := old.Hash, newest.Hash
		err = proof.VerifyConsistency(
			rfc6962.DefaultHasher, uint64(old.N), uint64(newest.N), path, before[:], after[:])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		var tree tlog.TreeProof
		for _, hash := range path {
			tree = append(tree, tlog.Hash(hash))
		}
		if err := tlog.CheckTree(tree, newest.N, newest.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return len(names), nil
}

func hashes(lines []string) ([][]byte, error) {
	var all [][]byte
	for _, line := range lines {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", line)
		}
		all = append(all, hash)
	}
	return all, nil
}
