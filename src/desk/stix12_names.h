/* What the writer and the reader of STIX 1.2 agree on. */
#ifndef DESK_STIX12_NAMES_H
#define DESK_STIX12_NAMES_H

#define STIX12_NS "http://stix.mitre.org/stix-1"
#define OWN_NS "https://lianfang.example/stix12"
#define OWN_ID "lianfang:bulletin-"
#define OWN_AUTHOR "lianfang"
#define DRILL_MARK "【演練 EXERCISE】"
#define WHOLE_DOCUMENT "//node() | //@*"

/* Relationships of related observables, by what they mean here. */
#define REL_TARGET "Victim"
#define REL_SCAN "Antivirus Result"
#define REL_VIA "Connected_To"

/* CybOX types of Properties, by local name. */
#define TYPE_ADDRESS "AddressObjectType"
#define TYPE_DOMAIN "DomainNameObjectType"
#define TYPE_URI "URIObjectType"
#define TYPE_FILE "FileObjectType"
#define TYPE_SOCKET "SocketAddressObjectType"
#define TYPE_CONNECTION "NetworkConnectionObjectType"
#define TYPE_PRODUCT "ProductObjectType"
#define TYPE_ARTIFACT "ArtifactObjectType"

#endif
