# manual.tcl -- the manual's pages, taken apart: sections, calls, options, words.
#
#     part cluster section JOINING       its text
#     calls service cluster_query        the methods on that page
#     terms $text; options $text; defaults $text

set top [file dirname $::support::here]

proc contents path {
    set f [open [file join $::top $path]]
    fconfigure $f -encoding utf-8
    set text [read $f]
    close $f
    return $text
}

proc sorted list {
    lsort -unique $list
}

# Two lists as what is only in the first, and only in the second.
proc difference {a b} {
    list [lmap x $a {if {$x in $b} continue; set x}] \
        [lmap x $b {if {$x in $a} continue; set x}]
}

proc none list {
    if {![llength $list]} {
        error "there is nothing to compare"
    }
    return $list
}

# The pages by name.
set pages {}
foreach file [glob -directory $top doc/*.man] {
    dict set pages [file rootname [file tail $file]] [contents $file]
}

proc page name {
    dict get $::pages $name
}

# A page's text from one heading to the next of the same kind, or to the end.
proc part {name kind title} {
    set head "\[$kind [expr {[llength $title] > 1 ? "{$title}" : $title}]\]"
    set from [string first $head [page $name]]
    if {$from < 0} {
        error "$name has no $kind \"$title\""
    }
    set text [string range [page $name] $from+[string length $head] end]
    set ends [expr {$kind eq "section" ? {section|manpage_end}
        : {section|subsection|manpage_end}}]
    regexp -indices "\\\[($ends)" $text at
    return [string range $text 0 [lindex $at 0]-1]
}

# What stands in the parentheses of the pattern, everywhere in the text.
proc all {pattern text} {
    set found {}
    foreach {- name} [regexp -all -inline -- $pattern $text] {
        lappend found $name
    }
    sorted $found
}

# The methods of an object, such as service, on a page.
proc calls {object name} {
    all [string map [list OBJECT $object] \
        {\[call \[var \{\$OBJECT\}\] \[method (\w+)\]}] [page $name]
}

# The pages on which an object's methods stand.
proc pagesOf object {
    lmap name [lsort [dict keys $::pages]] {
        if {![llength [calls $object $name]]} continue
        set name
    }
}

# The methods of a command, by name.
proc subcommands {command name} {
    all [string map [list COMMAND $command] \
        {\[call \[cmd COMMAND\] \[method (\w+)\]}] [page $name]
}

proc options text {
    all {\[opt_def (-\w+)} $text
}

proc terms {text {kind const}} {
    set names {}
    set pattern [string map [list KIND $kind] \
        {\[def \[KIND (?:\{([^\}]+)\}|([^\]\{]+))\]}]
    foreach {- braced plain} [regexp -all -inline $pattern $text] {
        lappend names $braced$plain
    }
    sorted $names
}

# Each option and its default, as [opt_def -x ...] ... Default: [const ...].
# Braces alone are what is empty.
proc defaults text {
    set found {}
    foreach chunk [lrange [split [string map [list {[opt_def } \0] $text] \0] \
                       1 end] {
        if {[regexp {Default: \[const (.+?)\][.;,]} $chunk -> word]} {
            set value [lindex $word 0]
            lappend found [lindex [split $chunk " \]"] 0] \
                [expr {$value eq "{}" ? {} : $value}]
        }
    }
    return $found
}
