"""French names of countries and territories, as French systems write them in place of a code.

Names that may mean two countries, such as Congo and Corée, are left out.
Source: ISO 3166-1, French short names, and how they are shortened in common use.
"""

import re
import unicodedata
from typing import Final

_NAMES: Final = """
AFG Afghanistan; ZAF Afrique du Sud; ALB Albanie; DZA Algérie; DEU Allemagne; AND Andorre; AGO Angola;
AIA Anguilla; ATG Antigua-et-Barbuda; SAU Arabie saoudite; ARG Argentine; ARM Arménie; ABW Aruba;
AUS Australie; AUT Autriche; AZE Azerbaïdjan; BHS Bahamas; BHR Bahreïn; BGD Bangladesh; BRB Barbade;
BEL Belgique; BLZ Belize; BEN Bénin; BMU Bermudes; BTN Bhoutan; BLR Biélorussie; BLR Bélarus; BOL Bolivie;
BIH Bosnie-Herzégovine; BWA Botswana; BRA Brésil; BRN Brunei; BGR Bulgarie; BFA Burkina Faso; BDI Burundi;
KHM Cambodge; CMR Cameroun; CAN Canada; CPV Cap-Vert; CPV Cabo Verde; CHL Chili; CHN Chine; CYP Chypre;
COL Colombie; COM Comores; COG République du Congo; COG Congo-Brazzaville; COD Congo-Kinshasa;
COD République démocratique du Congo; PRK Corée du Nord; KOR Corée du Sud; CRI Costa Rica; CIV Côte d'Ivoire;
HRV Croatie; CUB Cuba; DNK Danemark; DJI Djibouti; DMA Dominique; EGY Égypte; ARE Émirats arabes unis;
ECU Équateur; ERI Érythrée; ESP Espagne; EST Estonie; SWZ Eswatini; SWZ Swaziland; USA États-Unis;
USA États-Unis d'Amérique; ETH Éthiopie; FJI Fidji; FIN Finlande; FRA France; FRA France métropolitaine;
GAB Gabon; GMB Gambie; GEO Géorgie; GHA Ghana; GIB Gibraltar; GRC Grèce; GRD Grenade; GRL Groenland;
GLP Guadeloupe; GTM Guatemala; GIN Guinée; GNQ Guinée équatoriale; GNB Guinée-Bissau; GUY Guyana;
GUF Guyane; GUF Guyane française; HTI Haïti; HND Honduras; HKG Hong Kong; HUN Hongrie; MUS Île Maurice;
MUS Maurice; IND Inde; IDN Indonésie; IRN Iran; IRQ Irak; IRL Irlande; ISL Islande; ISR Israël; ITA Italie;
JAM Jamaïque; JPN Japon; JOR Jordanie; KAZ Kazakhstan; KEN Kenya; KGZ Kirghizistan; KIR Kiribati;
KWT Koweït; LAO Laos; LSO Lesotho; LVA Lettonie; LBN Liban; LBR Liberia; LBY Libye; LIE Liechtenstein;
LTU Lituanie; LUX Luxembourg; MAC Macao; MKD Macédoine du Nord; MDG Madagascar; MYS Malaisie; MWI Malawi;
MDV Maldives; MLI Mali; MLT Malte; MAR Maroc; MTQ Martinique; MRT Mauritanie; MYT Mayotte; MEX Mexique;
FSM Micronésie; MDA Moldavie; MCO Monaco; MNG Mongolie; MNE Monténégro; MOZ Mozambique; MMR Birmanie;
MMR Myanmar; NAM Namibie; NRU Nauru; NPL Népal; NIC Nicaragua; NER Niger; NGA Nigeria; NOR Norvège;
NCL Nouvelle-Calédonie; NZL Nouvelle-Zélande; OMN Oman; UGA Ouganda; UZB Ouzbékistan; PAK Pakistan;
PLW Palaos; PSE Palestine; PAN Panama; PNG Papouasie-Nouvelle-Guinée; PRY Paraguay; NLD Pays-Bas; PER Pérou;
PHL Philippines; POL Pologne; PYF Polynésie française; PRI Porto Rico; PRT Portugal; QAT Qatar;
CAF République centrafricaine; CAF Centrafrique; DOM République dominicaine; CZE République tchèque;
CZE Tchéquie; REU Réunion; ROU Roumanie; GBR Royaume-Uni; RUS Russie; RUS Fédération de Russie; RWA Rwanda;
BLM Saint-Barthélemy; KNA Saint-Christophe-et-Niévès; SMR Saint-Marin; SPM Saint-Pierre-et-Miquelon;
VCT Saint-Vincent-et-les-Grenadines; LCA Sainte-Lucie; SLB Îles Salomon; SLV Salvador; WSM Samoa;
STP Sao Tomé-et-Principe; SEN Sénégal; SRB Serbie; SYC Seychelles; SLE Sierra Leone; SGP Singapour;
SVK Slovaquie; SVN Slovénie; SOM Somalie; SDN Soudan; SSD Soudan du Sud; LKA Sri Lanka; SWE Suède;
CHE Suisse; SUR Suriname; SYR Syrie; TJK Tadjikistan; TWN Taïwan; TZA Tanzanie; TCD Tchad; THA Thaïlande;
TLS Timor oriental; TGO Togo; TON Tonga; TTO Trinité-et-Tobago; TUN Tunisie; TKM Turkménistan; TUR Turquie;
TUV Tuvalu; UKR Ukraine; URY Uruguay; VUT Vanuatu; VAT Vatican; VEN Venezuela; VNM Viêt Nam; VNM Vietnam;
WLF Wallis-et-Futuna; YEM Yémen; ZMB Zambie; ZWE Zimbabwe
"""
_ARTICLE: Final = re.compile(r"\A(?:LE |LA |LES |L )")
_OTHER_SIGNS: Final = re.compile(r"[^A-Z0-9]+")


def _plain(name: str) -> str:
    """Return a name in capitals, without accents, signs and article."""
    letters = unicodedata.normalize("NFD", name.upper())
    without_accents = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _ARTICLE.sub("", _OTHER_SIGNS.sub(" ", without_accents).strip())


_CODES: Final = {
    _plain(name): code for code, _, name in (entry.strip().partition(" ") for entry in _NAMES.split(";"))
}


def code_of(name: str) -> str | None:
    """Return the three-letter code of a country, from its French name in any spelling."""
    return _CODES.get(_plain(name))
