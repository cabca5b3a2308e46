# Packages that hold more than the program of their own name, and the lists that default.nix needs.
{
  # What nixpkgs' stdenv puts on the PATH before a shell names any package.
  initial = "coreutils findutils diffutils gnused gnugrep gawk gnutar gzip bzip2 gnumake bash patch xz file";
  # The other packages that the flakes name.
  others = "cacert cookiecutter coreutils diffutils findutils gawk git gnugrep gnumake gnused gnutar gzip nixfmt-tree shellcheck";

  bash = "bash sh";
  bzip2 = "bzip2 bunzip2";
  cacert = "";
  coreutils = ''
    [ b2sum base32 base64 basename cat chgrp chmod chown cksum comm cp csplit cut date dd df dirname du
    echo env expand expr factor false fmt fold head id install join link ln ls md5sum mkdir mkfifo mknod
    mktemp mv nice nl nohup nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath
    rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat
    stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq
    unlink wc whoami yes
  '';
  diffutils = "cmp diff diff3 sdiff";
  findutils = "find xargs";
  gawk = "awk";
  gcc-wrapper = "gcc g++ cc c++ ar as ld nm ranlib strip";
  gnugrep = "grep egrep fgrep";
  gnumake = "make";
  gnused = "sed";
  gnutar = "tar";
  gzip = "gzip gunzip zcat";
  usrBinEnv = "";
  fakeNss = "";
  python312 = "python3.12 python3 python";
  xz = "xz unxz";
}
