{
  description = "A stand-in for nixpkgs, so that the flakes are entered for real where nixpkgs cannot be fetched";

  # Each package is a derivation that links programs of this host (host.json, written by the tests).
  #
  # It proves, with a real Nix: the flakes evaluate on four systems and use only what is declared here;
  # the shell, the checks and the applications build and run; every program that the Makefile calls
  # comes from the flake (nothing of the host is on the PATH); variables that nixpkgs' hooks set do not
  # reach the project; the shell is entered again at once; locks and git's view of the files agree.
  #
  # It does not prove: that the pinned nixpkgs has these attributes, that they build or can be fetched,
  # how large they are; that nixpkgs' own programs behave like the host's; the content of the
  # container; anything on macOS or aarch64 beyond evaluation.
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems (system: import ./. { inherit lib system; });
    };
}
