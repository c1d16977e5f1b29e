# Makes the automation account; runs as root on the host, from stdin, in POSIX sh.
#
# In front of it stand its values: user, home, access_group, key_line, sudoers.
# It prints `changed<TAB>WHAT` per change and `done` at the end, or `refused<TAB>WHY<TAB>VALUE`.
# Either everything is in place when it ends or everything it made is undone.
set -eu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

undo=:
spent=
sudo_installed=

refuse() {
    printf 'refused\t%s\t%s\n' "$1" "$2"
    exit 3
}

changed() {
    printf 'changed\t%s\n' "$1"
}

finish() {
    status=$?
    trap - EXIT
    if [ "$status" -ne 0 ]; then
        set +e
        eval "$undo" > /dev/null 2>&1
    fi
    exit "$status"
}

# shellcheck disable=SC2154  # the values in front
check_machine() {
    [ "$(id -u)" = 0 ] || refuse root "$(id -un)"
    [ -d /run/systemd/system ] || refuse systemd "$(cat /proc/1/comm)"
    # shellcheck source=/dev/null
    distribution=$(. /etc/os-release && printf '%s %s' "${ID-}" "${VERSION_ID-}")
    case $distribution in
        'debian 12' | 'debian 13') ;;
        *) refuse distribution "$distribution" ;;
    esac
    entry=$(getent passwd "$user") || return 0
    case $entry in
        *":$home:/bin/sh") ;;
        *) refuse account "$entry" ;;
    esac
}

# A Debian that was installed with a root password has no sudo.
install_sudo() {
    command -v visudo > /dev/null && return
    # Its stdin is this script.
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends sudo
    } < /dev/null > /dev/null || refuse sudo "apt-get's exit $?"
    sudo_installed=yes
    changed 'package sudo installed'
}

make_group() {
    getent group "$1" > /dev/null && return
    groupadd --system "$1"
    undo="groupdel $1; $undo"
    changed "group $1 made"
}

# shellcheck disable=SC2154  # the values in front
make_account() {
    if ! getent passwd "$user" > /dev/null; then
        useradd --system --gid "$user" --no-create-home --home-dir "$home" --shell /bin/sh \
            --comment 'rempart automation' "$user"
        undo="userdel $user; $undo"
        changed "account $user made"
    fi
    # No password matches "*"; the "!" of a locked account can block keys as well.
    if [ "$(getent shadow "$user" | cut -d: -f2)" != '*' ]; then
        usermod --password '*' "$user"
    fi
    if ! id -nG "$user" | tr ' ' '\n' | grep -qxF "$access_group"; then
        usermod --append --groups "$access_group" "$user"
        changed "account $user added to group $access_group"
    fi
}

# The account cannot write in its own home: nobody can add a key as that user.
make_folder() {
    if [ ! -d "$1" ]; then
        mkdir "$1"
        undo="rmdir $1; $undo"
        changed "folder $1 made"
    fi
    chown root:root "$1"
    chmod 755 "$1"
}

# put PATH MODE CONTENT CHECK...: the content becomes the file if CHECK DRAFT says yes.
# sudo skips names with a dot, so a draft beside the file never counts.
put() {
    path=$1 mode=$2
    if [ ! -L "$path" ] && printf '%s\n' "$3" | cmp -s - "$path" &&
        [ "$(stat -c '%a %u %g' "$path")" = "${mode#0} 0 0" ]; then
        return
    fi
    draft=$(mktemp "${path%/*}/.rempart.XXXXXX")
    undo="rm -f $draft; $undo"
    printf '%s\n' "$3" > "$draft"
    chmod "$mode" "$draft"
    shift 3
    "$@" "$draft" > /dev/null
    if [ -e "$path" ]; then
        former=$(mktemp "${path%/*}/.rempart.XXXXXX")
        cp -p "$path" "$former"
        undo="mv -f $former $path; $undo"
        spent="$spent $former"
    else
        undo="rm -f $path; $undo"
    fi
    sync "$draft"
    mv -f "$draft" "$path"
    changed "file $path written"
}

main() {
    check_machine
    trap finish EXIT
    install_sudo
    make_group "$user"
    make_group "$access_group"
    make_account
    make_folder "$home"
    make_folder "$home/.ssh"
    # rempart release takes away what came with us.
    [ -z "$sudo_installed" ] || : > "$home/sudo-installed"
    # shellcheck disable=SC2154  # the values in front
    put "$home/.ssh/authorized_keys" 0644 "$key_line" ssh-keygen -lf
    # shellcheck disable=SC2154
    put /etc/sudoers.d/rempart 0440 "$sudoers" visudo -cf
    # shellcheck disable=SC2086  # names without spaces, made by put
    rm -f $spent
    echo 'done'
}

# Called on the last line, so that a script cut on its way does nothing.
main
